"""Where the gateway's CPU time goes under load: ``python -m benchmarks.profiling``, ``make profile``.

The gateway runs as it always does, in a process that looks at its own stack after every few
milliseconds of CPU time. Nothing is traced, so nothing is slower but the looking, by a hundredth or so.
"""
