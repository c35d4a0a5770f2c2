"""JupyterLab as this project wants it, for `make lab` and for Binder alike.

Read through JUPYTER_CONFIG_PATH, beside a user's own settings and below them. What the front end
reads is in labconfig/default_setting_overrides.json: no news and no questions about them; saved
every few seconds, since a reload of the page shows what is on disk; every cell kept in the page,
since a panel that is scrolled away must not be disposed.
"""

c = get_config()  # noqa: F821 (Jupyter provides it)

# Nothing is asked of the outside world: no news, no look for a newer release, no catalogue.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"

# A line for each save would bury the address; that is printed at any level.
c.ServerApp.log_level = "WARN"
c.LabApp.log_level = "WARN"
