"""A bundle of `collect` in the place of captures or configuration: unpacked before the command sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pjsipdiag.errors import visible

if TYPE_CHECKING:
    from pjsipdiag.handover.bundle import Bundle

BUNDLES = "pjsipdiag.bundles"
ENDING = (".tgz", ".tar.gz", ".gz")
"""How bundles end: no other file is looked into, which spares most runs an import."""


def open_bundles(context: click.Context) -> None:
    """Puts the paths in bundles into the command's parameters, until the command ends; --live and -c come first.

    :raises PjsipdiagError: a bundle is damaged.
    """
    params = context.params
    for name in ("captures", "configs"):
        if params.get(name):
            params[name] = tuple(word for path in params[name] for word in _paths_in(context, name, path))
    if params.get("config"):
        params["config"] = next(iter(_paths_in(context, "config", params["config"])), None)
    opened: dict[str, Bundle] = context.meta.get(BUNDLES, {})
    _adopt(context, list(opened.values()))


def _paths_in(context: click.Context, parameter: str, path: str) -> tuple[str, ...]:
    """The paths in a bundle that stand for it as a parameter; a path that is no bundle stays."""
    if not path.endswith(ENDING):
        return (path,)
    from pjsipdiag.handover.bundle import is_bundle, unpack_bundle

    opened: dict[str, Bundle] = context.meta.setdefault(BUNDLES, {})
    if path not in opened:
        if not is_bundle(path):
            return (path,)
        opened[path] = context.with_resource(unpack_bundle(path, any_ratio=context.params.get("any_ratio", False)))
        if not (context.params.get("quiet") or context.params.get("redact")):  # it names a machine
            click.echo(f"{visible(path)}: {visible(opened[path].about)}", err=True)
    bundle = opened[path]
    if parameter == "captures":
        if not bundle.captures:
            raise click.UsageError(f"{path} holds no capture: give it with -c")
        return bundle.captures
    return (bundle.config,) if bundle.config else ()


def _adopt(context: click.Context, bundles: list[Bundle]) -> None:
    """Configuration and answers come from the bundle, where the command line names none."""
    params = context.params
    if not bundles:
        return
    named = [name for name in ("config", "configs") if _on_command_line(context, name)]
    if not named:
        if len(bundles) > 1 and {"config", "configs"} & {*params}:
            raise click.UsageError("each bundle has its own configuration: give one with -c, or one bundle")
        if "config" in params:
            params["config"] = bundles[0].config
        elif "configs" in params:
            params["configs"] = (bundles[0].config,) if bundles[0].config else ()
    given = [bundle for bundle in bundles if bundle.config in (params.get("config"), *params.get("configs", ()))]
    if "live" in params and params["live"] is None and len(given) == 1 == len(params.get("configs", [""])):
        params["live"] = given[0].live


def _on_command_line(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
