"""A server that plays Kafka: the mock cluster of librdkafka.

``python -m tests.support.kafka_server TOPIC...`` makes the topics, prints its addresses and serves until its
standard input ends.
"""

from __future__ import annotations

import sys

from confluent_kafka import Producer


def main() -> None:
    """Serve until the standard input ends."""
    producer = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1})
    for topic in sys.argv[1:]:
        producer.list_topics(topic, timeout=10)
    brokers = producer.list_topics(timeout=10).brokers.values()
    print(",".join(f"{one.host}:{one.port}" for one in brokers), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
