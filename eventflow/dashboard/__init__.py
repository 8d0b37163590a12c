"""The dashboard: an ASGI application over projections and the log, by itself or mounted into another one.

::

    dashboard = Dashboard(app, access=Basic({"ann": "..."}))    # uvicorn shop:dashboard
    Starlette(routes=[Mount("/ops", dashboard)])                # or a part of another application
    mounted_at("/ops", dashboard, other)                        # of any kind

Every page works without scripts, answers programs with JSON, and loads nothing from elsewhere.
"""

from eventflow.dashboard.access import VIEW, Access, Asked, Basic, Behind, Here, Person, Token
from eventflow.dashboard.mounting import mounted_at
from eventflow.dashboard.site import Dashboard

__all__ = ["VIEW", "Access", "Asked", "Basic", "Behind", "Dashboard", "Here", "Person", "Token", "mounted_at"]
