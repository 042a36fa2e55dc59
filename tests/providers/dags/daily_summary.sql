CREATE TABLE IF NOT EXISTS daily_summary (day TEXT, total INTEGER);
INSERT INTO daily_summary SELECT '{{ ds }}', SUM(amount) FROM orders WHERE order_date = '{{ ds }}';
SELECT total FROM daily_summary WHERE day = '{{ ds }}';
