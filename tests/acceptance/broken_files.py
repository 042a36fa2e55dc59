"""DAG files with one mistake each, and what has to be said of them."""

from __future__ import annotations

from typing import Final, NamedTuple


class Broken(NamedTuple):
    """A DAG file that can't be used."""

    text: str
    #: What the message has to say beside the path.
    message: str
    #: The line that it has to name; None where no line of the file is to blame.
    line: int | None
    #: The DAG concerned, where others of the file go on.
    dag_id: str | None = None


HEAD: Final = "from bide import DAG, BashOperator, EmptyOperator, TaskGroup\n"

BROKEN: Final = {
    "syntax": Broken(HEAD + "with DAG('syntax') as dag\n    pass\n", "SyntaxError: expected ':'", 2),
    "indentation": Broken(HEAD + "with DAG('x'):\npass\n", "IndentationError: expected an indented block", 3),
    "null_byte": Broken(HEAD + "x = 1\0\n", "SyntaxError: source code string cannot contain null bytes", None),
    "missing_module": Broken(HEAD + "import no_such_module\n", "No module named 'no_such_module'", 2),
    "missing_name": Broken("from bide import DAG, BashOperater\n", "cannot import name 'BashOperater'", 1),
    "raises": Broken(HEAD + "def f():\n    return {}['key']\nf()\n", "KeyError: 'key'", 3),
    "recursion": Broken(HEAD + "def f():\n    f()\nf()\n", "RecursionError: maximum recursion depth", 3),
    "interrupts": Broken(HEAD + "raise KeyboardInterrupt\n", "KeyboardInterrupt", 2),
    "cycle": Broken(
        HEAD + "with DAG('cycle'):\n    a, b, c = (EmptyOperator(task_id=i) for i in 'abc')\n    a >> b >> c >> a\n"
        "with DAG('beside_the_cycle'):\n    EmptyOperator(task_id='fine')\n",
        "CycleError: DAG 'cycle': tasks wait for each other in a circle: a -> b -> c -> a",
        None,
        "cycle",
    ),
    "own_end": Broken(
        HEAD + "with DAG('own_end'):\n    a = EmptyOperator(task_id='a')\n    a >> a\n",
        "DAG 'own_end': tasks wait for each other in a circle: a -> a",
        None,
        "own_end",
    ),
    "task_twice": Broken(
        HEAD + "with DAG('task_twice'):\n    EmptyOperator(task_id='a')\n    EmptyOperator(task_id='a')\n",
        "DuplicateId: DAG 'task_twice' has a task 'a' already",
        4,
    ),
    "group_twice": Broken(
        HEAD + "with DAG('group_twice'):\n    TaskGroup('g')\n    TaskGroup('g')\n",
        "DuplicateId: DAG 'group_twice' has task group 'g' already",
        4,
    ),
    "dag_twice": Broken(
        HEAD + "DAG('dag_twice')\nDAG('dag_twice')\n",
        "DuplicateId: the file makes 2 DAGs with the id 'dag_twice'",
        None,
        "dag_twice",
    ),
    "zz_taken": Broken(HEAD + "DAG('good')\n", "DAG id 'good' of", None, "good"),
    "rule": Broken(
        HEAD + "with DAG('rule'):\n    EmptyOperator(task_id='a', trigger_rule='all_sucess')\n",
        "task 'a': unknown trigger_rule 'all_sucess'; did you mean 'all_success'?",
        3,
    ),
    "cron": Broken(
        HEAD + "DAG('cron', schedule='61 * * * *')\n", "'61 * * * *' is no cron expression", None, "cron"
    ),
    "never": Broken(HEAD + "DAG('never', schedule='0 0 30 2 *')\n", "'0 0 30 2 *'", None, "never"),
    "preset": Broken(HEAD + "DAG('preset', schedule='@dayly')\n", "'@dayly' is no schedule", None, "preset"),
    "argument": Broken(
        HEAD + "with DAG('argument'):\n    BashOperator(task_id='a', bash_command='true', retry=3)\n",
        "task 'a' (BashOperator): unknown argument 'retry'; did you mean 'retries'?",
        3,
    ),
    "dag_argument": Broken(
        HEAD + "DAG('dag_argument', shedule='@daily')\n",
        "DAG 'dag_argument': unknown argument 'shedule'; did you mean 'schedule'?",
        2,
    ),
    "missing_argument": Broken(
        HEAD + "with DAG('x'):\n    BashOperator(task_id='a')\n", "the argument 'bash_command' is missing", 3
    ),
    "kind": Broken(
        HEAD + "with DAG('kind'):\n    EmptyOperator(task_id='a', retries='many')\n",
        "task 'a': retries must be an integer, not str: 'many'",
        3,
    ),
    "dag_id": Broken(HEAD + "DAG('my dag')\n", "'my dag' can't be a DAG id", 2),
    "task_id": Broken(HEAD + "with DAG('x'):\n    EmptyOperator(task_id='a/b')\n", "'a/b' can't be a task id", 3),
    "two_dags": Broken(
        HEAD + "with DAG('one'):\n    a = EmptyOperator(task_id='a')\n"
        "with DAG('two'):\n    b = EmptyOperator(task_id='b')\na >> b\n",
        "tasks of different DAGs can't be put in order: a, b are in 'one', 'two'",
        6,
    ),
    "param": Broken(
        HEAD + "DAG('param', params={'when': object()})\n", "DAG 'param', param 'when': ", None, "param"
    ),
    "exits": Broken(
        HEAD + "import sys\nsys.exit('nothing today')\n",
        "SystemExit: the file calls sys.exit('nothing today') while it is imported",
        3,
    ),
    "exits_at_once": Broken(HEAD + "import os\nos._exit(3)\n", "exited with code 3", None),
    "kills_itself": Broken(
        HEAD + "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "died with signal 9 (SIGKILL)", None
    ),
    "crashes": Broken(
        HEAD + "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "died with signal 11 (SIGSEGV)", None
    ),
    "hangs": Broken(
        HEAD + "import threading\nthreading.Event().wait()\n",
        "took longer than 2 s to import and was stopped",
        None,
    ),
    "hangs_on": Broken(
        HEAD + "import signal, subprocess\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '987654'], start_new_session=True)\n"
        "while True:\n    try:\n        signal.pause()\n    except BaseException:\n        pass\n",
        "took longer than 2 s to import and was stopped",
        None,
    ),
}
