"""Which settings a project needs: found by running its env.py with one configuration after the other, and by looking.

Nothing is guessed that could be seen instead. A variable is the database's URL when a URL that was put into it turns up
in a connection; a value serves when env.py gets further with it. What comes out was loaded once more as a whole, unless
it says otherwise.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from checker.postgres.interface import Address, Server
from checker.replay.environment import USUAL_NAMES, read_env_file, templates
from checker.replay.flask import possible_applications
from checker.replay.outcome import Failure, Proposal
from checker.replay.protocol import Variable
from checker.replay.runner import Launch, Session
from checker.replay.values import candidates, likely_url, likely_values, switch_values

_SECONDS = 120.0
_ROUNDS, _NAMES, _SINGLE = 20, 6, 12
_URL_FORMS = ("{url}", *(f"postgresql{driver}://{{login}}/{{database}}" for driver in ("", "+asyncpg", "+psycopg")))
_OTHERS_DUTY = ("module", "driver", "python")
"""What no setting can supply."""


@dataclass(frozen=True)
class Example:
    """A file of the repository that shows which variables the project reads, with a value for each."""

    path: str
    """Relative to the repository's root."""
    text: str

    def below(self, own: Mapping[str, str]) -> dict[str, str]:
        """The templates with this file as env_file, where `own` are those without it."""
        configured = {name: value for name, value in own.items() if USUAL_NAMES.get(name) != value}
        return templates(self.text, configured)


@dataclass(frozen=True)
class Given:
    """A configuration to be tried."""

    env: Mapping[str, str] = field(default_factory=dict)
    flask_app: str | None = None
    example: Example | None = None

    def plus(self, values: Mapping[str, str]) -> Given:
        """The same with these variables too."""
        return replace(self, env={**self.env, **values})


@dataclass(frozen=True)
class Attempt:
    """What came of a configuration."""

    given: Given
    failure: Failure | None
    asked: tuple[Variable, ...]
    parts: Mapping[str, str]
    """Of each value that can be recognised the part of a connection in which it was."""

    @property
    def kind(self) -> str | None:
        """What is missing, as far as that is known."""
        return self.failure.missing_kind if self.failure else None

    @property
    def reached(self) -> bool:
        """Whether env.py came to its migrations."""
        return self.failure is None

    @property
    def names(self) -> list[str]:
        """What the failure itself names."""
        return [name for name in ((self.failure and self.failure.missing) or "").split(", ") if name]

    @property
    def signature(self) -> tuple[object, ...]:
        """The same for the same failure at the same place."""
        one = self.failure
        return (one.error, one.path, one.line, re.sub(r"\d+", "", one.message[:200])) if one else ()


def propose(failure: Failure, launch: Launch, server: Server, examples: Sequence[Example] = ()) -> Proposal | None:
    """The settings with which the project loads, as far as they can be found; None where there are none to add.

    `examples`: the files that may be its env_file, the nearest first.
    """
    if failure.missing_kind in _OTHERS_DUTY:
        return None
    database = server.create_database()
    try:
        return _Search(launch, database, examples).run()
    finally:
        server.drop_database(database)


class _Search:
    def __init__(self, launch: Launch, database: Address, examples: Sequence[Example] = ()) -> None:
        self._examples = examples
        self._launch = replace(launch, job=replace(launch.job, probe=True))
        self._database = database
        self._ends = time.monotonic() + _SECONDS
        self._seen: set[tuple[object, ...]] = set()
        self._required: list[str] = []
        self._optional: list[str] = []
        self._settled: set[str] = set()

    def run(self) -> Proposal | None:
        start = last = self._try(Given(flask_app=self._launch.job.flask_app))
        if last.kind == "setting" and (whole := self._with_example(last)):
            return Proposal(required=tuple(last.names), env_file=whole.path)
        for _ in range(_ROUNDS):
            if last.reached or self._late() or (found := self._further(last)) is None:
                break
            last = found
        if last.given == start.given:
            return None
        last = self._refined(self._without_needless(last)) if last.reached else last
        app = last.given.flask_app if last.given.flask_app != self._launch.job.flask_app else None
        then = f"{last.failure.error}: {last.failure.message.splitlines()[0]}" if last.failure else None
        return Proposal(tuple(last.given.env.items()), app, tuple(self._required), then)

    def _late(self) -> bool:
        return time.monotonic() > self._ends

    def _try(self, given: Given) -> Attempt:
        """Load the project and run its env.py, but no revision."""
        job = replace(self._launch.job, flask_app=given.flask_app)
        own = self._launch.templates
        below = given.example.below(own) if given.example else own
        launch = replace(self._launch, job=job, templates={**below, **given.env})
        with Session(launch, self._database) as session:
            run = session.walk((), pause=False)
            run.step()
            seen = session.observed
        asked = tuple(seen.asked) if seen else ()
        return Attempt(given, run.failure, asked, seen.parts if seen else {})

    def _advances(self, before: Attempt, after: Attempt) -> bool:
        """Whether env.py got further: to its migrations, or past the failure to a new one behind it."""
        new = after.reached or after.signature not in self._seen | {before.signature}
        return new and (after.reached or len(after.asked) >= len(before.asked))

    def _further(self, last: Attempt) -> Attempt | None:
        """An attempt that gets further than this one, if one is found."""
        self._seen.add(last.signature)
        if last.kind in _OTHERS_DUTY or (last.failure and last.failure.sqlstate):
            return None  # no setting's affair
        if last.kind == "flask_app":
            return self._with_application(last)
        if last.kind == "setting" and (new := [name for name in last.names if name not in last.given.env]):
            self._required += new
            known = {one.name: one for one in last.asked}
            values = {name: candidates(known.get(name) or Variable(name, False))[0] for name in new}
            return self._try(last.given.plus(values))
        if last.kind == "database":
            return self._with_database(last)
        return self._with_other_values(last)

    # --- a file that has them all

    def _with_example(self, last: Attempt) -> Example | None:
        """The file that defines what is missing and with which alone env.py comes to its migrations."""
        for one in self._examples:
            serves = set(last.names) <= set(read_env_file(one.text)) and not self._late()
            if serves and self._try(replace(last.given, example=one)).reached:
                return one
        return None

    # --- the application

    def _with_application(self, last: Attempt) -> Attempt | None:
        for name in possible_applications(self._launch.job.directory):
            if self._late():
                break
            found = self._try(replace(last.given, flask_app=name))
            if found.kind != "flask_app":
                return found
        return None

    # --- values

    def _with_other_values(self, last: Attempt) -> Attempt | None:
        """Another value for what was asked for shortly before the failure."""
        free = (one for one in reversed(last.asked) if one.name in last.given.env or not one.given)
        near = [one for one in free if one.name not in self._settled]
        ours = {one for one in near[:_NAMES] if one.name in last.given.env}
        named = [
            one for one in near if re.search(rf"\b{re.escape(one.name)}\b", str(last.failure and last.failure.message))
        ]
        for variable in dict.fromkeys((*named, *near[:_NAMES])):
            # Of what may have nothing to do with the failure only the likeliest values are tried: each costs a start.
            for value in candidates(variable) if variable in ours or variable in named else likely_values(variable):
                if self._late():
                    return None
                if value == last.given.env.get(variable.name):
                    continue
                found = self._try(last.given.plus({variable.name: value}))
                if self._advances(last, found):
                    if variable.name not in self._required:
                        self._optional.append(variable.name)
                    return found
        return None

    # --- the database

    def _with_database(self, last: Attempt) -> Attempt | None:
        """The variable that the URL is read from; else the one that chooses the kind of database."""
        free = [one for one in last.asked if one.name not in self._launch.templates]
        likely, perhaps, others = ([one for one in reversed(free) if likely_url(one) == sort] for sort in (2, 1, 0))
        singly = ([one] for one in (*likely, *perhaps, *(one for one in others if not one.values))[:_SINGLE])
        return (
            self._url_in(last, likely)
            or self._url_in(last, perhaps)
            or self._with_other_kind(last, free)
            or next(filter(None, (self._url_in(last, names) for names in singly)), None)
        )

    def _with_other_kind(self, last: Attempt, variables: Iterable[Variable]) -> Attempt | None:
        for variable in variables:
            for value in switch_values(variable):
                if self._late():
                    return None
                found = self._try(last.given.plus({variable.name: value}))
                if found.kind != "database" and self._advances(last, found):
                    return found
        return None

    def _url_in(self, last: Attempt, variables: Sequence[Variable]) -> Attempt | None:
        """The attempt with that one of the variables set from which the connection is made."""
        if not variables or self._late():
            return None
        forms = _URL_FORMS if len(variables) == 1 and likely_url(variables[0]) == 2 else _URL_FORMS[:1]
        for form in forms:
            marked = form.replace("{url}", "{url@%}").replace("{login}/{database}", "pm:pm@%:5432/pm")
            markers = {f"pm{number}x": one.name for number, one in enumerate(variables)}
            probe = self._try(last.given.plus({name: marked.replace("%", marker) for marker, name in markers.items()}))
            read = [markers[marker] for marker, part in probe.parts.items() if part == "host" and marker in markers]
            if read:
                found = self._try(last.given.plus(dict.fromkeys(read, form)))
                if found.reached or found.kind != "database":
                    self._settled.update(read)
                    return found
        return None

    # --- what was found, put right

    def _without_needless(self, last: Attempt) -> Attempt:
        for name in self._optional:
            less = replace(last.given, env={key: value for key, value in last.given.env.items() if key != name})
            if not self._late() and (found := self._try(less)).reached:
                last = found
        return last

    def _refined(self, last: Attempt) -> Attempt:
        """The same, with the database's own host, name and login where a connection is made from a value of ours."""
        names = [one.name for one in last.asked if not one.values and last.given.env.get(one.name, "{") == "1"]
        markers = {f"pm{number}x": name for number, name in enumerate(names)}
        if not markers or self._late():
            return last
        probe = self._try(last.given.plus({name: marker for marker, name in markers.items()}))
        parts = {markers[marker]: f"{{{part}}}" for marker, part in probe.parts.items() if marker in markers}
        right = {name: part for name, part in parts.items() if part in ("{host}", "{user}", "{password}", "{database}")}
        for name, part in right.items():  # a login that the project does not quote may not fit into its URL
            if not self._late() and (found := self._try(last.given.plus({name: part}))).reached:
                last = found
        return last
