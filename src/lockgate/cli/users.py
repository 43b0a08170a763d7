"""`lockgate users`: the people who may use the dashboard. A password comes from a prompt or from stdin, never from an argument,
which every process of the machine could read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import get_args

import click

from lockgate.cli.desk import (
    Stop,
    columns,
    control_of,
    data_option,
    house_at,
    me,
    opened,
    tenant_of,
    when,
    workspace_option,
)
from lockgate.control.identity import passwords
from lockgate.control.identity import users as user_case
from lockgate.control.identity.sessions import end_all
from lockgate.core.tenancy import Membership, OrganisationRole, Seat, Tenant, User, WorkspaceRole
from lockgate.pipeline.runtime import now_us
from lockgate.stores.control.query import Taken

stdin_option = click.option("--password-stdin", is_flag=True, help="Read the password from stdin instead of asking for it.")
_MANY = 1_000_000


@click.group()
def users() -> None:
    """Manage the people who may log in."""


@users.command("add")
@click.argument("email")
@click.option("--name", default="", help="What the person is called.")
@click.option(
    "--role",
    default="member",
    show_default=True,
    type=click.Choice(get_args(OrganisationRole)),
    help="What they are in the organisation.",
)
@click.option(
    "--workspace-role",
    default=None,
    type=click.Choice(get_args(WorkspaceRole)),
    help="What they are in the workspace  [default: admin for owners and admins, else member]",
)
@click.option("--no-password", is_flag=True, help="They log in by an identity provider alone.")
@stdin_option
@workspace_option
@data_option
def add_user(
    email: str,
    name: str,
    role: OrganisationRole,
    workspace_role: WorkspaceRole | None,
    no_password: bool,
    password_stdin: bool,
    workspace: str,
    data: Path,
) -> None:
    """Add a person, with a place in a workspace."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        email = user_case.email_of(email)
        hashed = "" if no_password else passwords.hashed(_password(password_stdin), email)
        place = tenant_of(store, workspace)
        seat = Seat(place.workspace, workspace_role or ("member" if role == "member" else "admin"))
        tenant, vault = Tenant(place.organisation), house.vault(store)
        try:
            with store.change(tenant, me(), now_us()) as change:
                user = user_case.add(change, vault, tenant, email=email, name=name, role=role, hashed=hashed, seats=[seat])
        except Taken:
            raise Stop(f"'{email}' is here already.") from None
    click.echo(f"Added {user.email} ({role}, id {user.id}).")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@data_option
def list_users(as_json: bool, data: Path) -> None:
    """List the people, and whether they have a password here."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        tenant = Tenant(store.house().organisation)
        found = store.page(tenant, User, limit=_MANY).rows[::-1]
        seats = store.page(tenant, Membership, limit=_MANY).rows
        with_password = {user.id for user in found if user_case.kept_hash(store, user) is not None}
    if as_json:
        rows = [
            {
                "id": user.id,
                "email": user.email,
                "name": user.name,
                "role": user.role,
                "status": user.status,
                "password": user.id in with_password,
                "subject": user.subject or None,
                "workspaces": {seat.workspace: seat.role for seat in seats if seat.user == user.id},
                "created": when(user.created_us),
            }
            for user in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    columns(
        ("EMAIL", "NAME", "ROLE", "LOGIN", "STATE", "CREATED"),
        [
            (user.email, user.name, user.role, _logins(user, user.id in with_password), user.status, when(user.created_us))
            for user in found
        ],
    )


@users.command("passwd")
@click.argument("email")
@stdin_option
@data_option
def set_password(email: str, password_stdin: bool, data: Path) -> None:
    """Give a person another password. They are logged out everywhere."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        user = user_case.by_email(store, store.house().organisation, email)
        hashed, vault = passwords.hashed(_password(password_stdin), user.email), house.vault(store)
        with store.change(Tenant(user.organisation), me(), now_us()) as change:
            user_case.set_password(change, vault, user, hashed)
    click.echo(f"{user.email} has another password.")


@users.command("disable")
@click.argument("email")
@data_option
def disable_user(email: str, data: Path) -> None:
    """Let a person in no longer. Their sessions end, and their keys are refused within a second."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        user = user_case.by_email(store, store.house().organisation, email)
        with store.change(Tenant(user.organisation), me(), now_us()) as change:
            user_case.disable(change, user)
    click.echo(f"{user.email} is disabled.")


@users.command("enable")
@click.argument("email")
@data_option
def enable_user(email: str, data: Path) -> None:
    """Let a person in again."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        user = user_case.by_email(store, store.house().organisation, email)
        with store.change(Tenant(user.organisation), me(), now_us()) as change:
            user_case.enable(change, user)
    click.echo(f"{user.email} is enabled.")


@users.command("logout")
@click.argument("email")
@data_option
def log_out_user(email: str, data: Path) -> None:
    """End all sessions of a person, at once."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        user = user_case.by_email(store, store.house().organisation, email)
        with store.change(Tenant(user.organisation), me(), now_us()) as change:
            count = end_all(change, user.id)
    click.echo(f"{user.email}: {count} sessions ended.")


def _password(from_stdin: bool) -> str:
    """A password, asked for twice without showing it, or the first line of stdin."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not password:
        raise Stop("there is no password on stdin.")
    return password


def _logins(user: User, has_password: bool) -> str:
    return " ".join(word for word, given in (("password", has_password), ("sso", user.subject)) if given) or "none"
