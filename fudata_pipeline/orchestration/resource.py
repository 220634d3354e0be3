"""How Dagster steps reach the project: opened once a process, from the environment."""

import dagster as dg

from fudata_pipeline.project import Project


class ProjectResource(dg.ConfigurableResource):
    """Opens the project of the code location; its settings come from ``FUDATA_*`` like the CLI's."""

    def open(self) -> Project:
        return Project.open()
