"""Which methods a path takes, where the framework would take more than was asked for."""

from __future__ import annotations

from flask import Blueprint
from flask.blueprints import BlueprintSetupState


def without_head(blueprint: Blueprint, *paths: str) -> None:
    """Takes HEAD away from these paths, which werkzeug adds wherever GET is: it would send, and say nothing.

    To be called after the routes were declared. HEAD then is a method like any other that a path does not take: 405, and ``Allow``
    does not list it.

    Args:
        paths: as they stand in the routes.
    """

    def remove(state: BlueprintSetupState) -> None:
        for rule in state.app.url_map.iter_rules():
            if rule.rule in paths and rule.methods is not None and rule.endpoint.startswith(f"{blueprint.name}."):
                rule.methods.discard("HEAD")

    blueprint.record(remove)
