"""The options by which a command is told a budget, as `lockgate.yaml` and the API say one."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import click

from lockgate.cli.desk import Stop
from lockgate.control.allowances import period_of
from lockgate.control.limit_settings import UsageSetting
from lockgate.core.limits import UsageLimit

F = TypeVar("F", bound=Callable[..., Any])


class _Amount(click.ParamType):
    name = "amount"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """See `click.ParamType`."""
        try:
            return Decimal(str(value))
        except InvalidOperation:
            self.fail(f"'{value}' is no number.", param, ctx)


_OPTIONS = (
    click.option("--budget", type=_Amount(), help="How much it may use: US dollars, or what --budget-type says."),
    click.option(
        "--budget-type", type=click.Choice(("cost", "tokens", "requests")), default="cost", show_default=True, help="Of what."
    ),
    click.option("--budget-reset", type=click.Choice(("daily", "weekly", "monthly")), help="When it begins anew; else never."),
    click.option("--time-zone", default="", help="Whose days, weeks and months these are, as Europe/Berlin  [default: UTC]"),
    click.option("--soft", is_flag=True, help="Refuse nobody: tell whoever is to know."),
    click.option("--alert-at", type=_Amount(), help="From here on, somebody is told."),
    click.option("--downgrade-at", type=_Amount(), help="From here on, another model is asked  [default: the budget]"),
    click.option("--downgrade-to", default="", help='Which one, as "@slug/model".'),
)


def budget_options(command: F) -> F:
    """Give a command the options; it takes what `budget_of` takes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def budget_of(
    budget: Decimal | None,
    budget_type: Any,
    budget_reset: Any,
    time_zone: str,
    soft: bool,
    alert_at: Decimal | None,
    downgrade_at: Decimal | None,
    downgrade_to: str,
) -> UsageLimit | None:
    """The budget that was said; None: none. Raises `Stop` for one that cannot be."""
    if budget is None:
        if soft or time_zone or budget_reset or downgrade_to or alert_at is not None or downgrade_at is not None:
            raise Stop("how a budget holds needs one: say --budget.")
        return None
    beyond = any(each is not None and each > budget for each in (alert_at, downgrade_at))
    if beyond or (downgrade_at is not None and not downgrade_to):
        raise Stop("--alert-at and --downgrade-at lie within --budget, and --downgrade-at needs --downgrade-to.")
    said = UsageSetting(
        budget,
        budget_type,
        alert_at,
        budget_reset or "",
        time_zone=time_zone,
        soft=soft,
        downgrade_at=downgrade_at,
        downgrade_to=downgrade_to,
    )
    try:
        limit = said.limit()
        period_of(limit, 0)
    except ValueError as error:
        raise Stop(f"this budget cannot be: {error}.") from None
    return limit
