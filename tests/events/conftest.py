"""Fixtures: services on real servers, as other tests of the service have them."""

from tests.service.conftest import each_site, site

__all__ = ("each_site", "site")
