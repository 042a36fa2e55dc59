"""Links of operators to pages of the services that they work with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from bide.authoring.plugins import load_plugins

if TYPE_CHECKING:
    from bide.authoring.operator import BaseOperator


class TaskInstanceKey(NamedTuple):
    """The names of a task instance, as links get them."""

    dag_id: str
    task_id: str
    run_id: str
    try_number: int = 1
    map_index: int = -1


class BaseOperatorLink(ABC):
    """A link of an operator (``operator_extra_links``); a subclass says its name and, for an instance, where to."""

    #: Classes of operators that have the link without naming it.
    operators: ClassVar[list[type[BaseOperator]]] = []

    @property
    @abstractmethod
    def name(self) -> str:
        """What is shown."""

    @property
    def xcom_key(self) -> str:
        """The XCom that has the URL, once the task has run."""
        return f"_link_{type(self).__name__}"

    @abstractmethod
    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The URL for one instance of `operator`; an empty text if there is none yet."""


def links_of(operator: BaseOperator) -> list[BaseOperatorLink]:
    """The links that `operator` names, and those that plugins have for it.

    A class may have its instances say which, which a mapped task can't.
    """
    named: Any = (operator.operator_class if operator.is_mapped else operator).operator_extra_links
    own: Iterable[Any] = () if isinstance(named, property) else cast("Iterable[Any]", named or ())
    links = [*(one for one in own if isinstance(one, BaseOperatorLink)), *load_plugins().links_for(operator)]
    return list({link.name: link for link in reversed(links)}.values())[::-1]  # the operator's own comes first
