"""Mapped tasks in real workers, which hold what they have taken apart."""

from bide import DAG, get_current_context, task, task_group

COUNT = 60

with DAG("mapping"):

    @task
    def rows():
        return [{"number": number, "words": ["a", "b"]} for number in range(COUNT)]

    @task(map_index_template="row {{ number }}")
    def use(row):
        # What one instance does to its element is no business of the others.
        row["words"].append("c")
        get_current_context()["number"] = row["number"]
        if row["number"] == 7:
            raise ValueError("seven")
        return len(row["words"]) * row["number"]

    @task(trigger_rule="all_done")
    def total(values):
        print("sum of", len(values))
        return sum(values)

    @task_group
    def handle(pair):
        @task
        def first(pair):
            return pair[1]

        @task
        def second(word):
            return word * 2

        return second(first(pair))

    @task
    def join(words):
        return "".join(words)

    total(use.expand(row=rows()))
    join(handle.expand(pair={"x": "p", "y": "q"}))
