-- What is looked up for the metrics; both are counted by an index of their own.

-- name: survey_aside
SELECT (SELECT count(*) FROM characters WHERE quarantined IS NOT NULL) AS quarantined,
       (SELECT count(*) FROM outbox WHERE refusals > 0) AS outbox_refused;
