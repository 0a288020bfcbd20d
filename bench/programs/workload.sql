-- What an application asks of SQLite, in memory. :rows says how much; nothing else, and no clock and no
-- random(), decides what is printed.
.bail on
.mode list
.headers off

CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL, note TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, placed INTEGER NOT NULL, state TEXT NOT NULL);
CREATE TABLE lines (orderid INTEGER NOT NULL, product INTEGER NOT NULL, amount INTEGER NOT NULL, price INTEGER NOT NULL, comment TEXT);

BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT :rows / 10)
INSERT INTO customers
SELECT i, printf('Customer %08d', (i * 7919) % 1000003), substr('ATBECHDEESFRGBITNLPL', 1 + 2 * (i * 31 % 10), 2),
       substr('The quick brown fox jumps over the lazy dog, again and again and again.', 1, i % 70)
FROM n;

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT :rows)
INSERT INTO orders
SELECT i, 1 + (i * 7919) % (:rows / 10), 1700000000 + i * 37 % 9999991, CASE i % 5 WHEN 0 THEN 'open' WHEN 1 THEN 'sent' ELSE 'paid' END
FROM n;

INSERT INTO lines
SELECT id, (id * 104729 + k) % 997, 1 + (id + k) % 9, 100 + (id * 31 + k * 17) % 9900, CASE WHEN id % 7 = 0 THEN hex(zeroblob(id % 50)) END
FROM orders, (SELECT 0 AS k UNION ALL SELECT 1 UNION ALL SELECT 2);
COMMIT;

CREATE INDEX orders_by_customer ON orders (customer, placed);
CREATE INDEX lines_by_order ON lines (orderid);
CREATE INDEX lines_by_product ON lines (product, price);
CREATE INDEX customers_by_name ON customers (name);

SELECT 'counts', (SELECT count(*) FROM customers), (SELECT count(*) FROM orders), (SELECT count(*) FROM lines);

SELECT 'countries', c.country, count(DISTINCT o.id), sum(l.amount * l.price)
FROM customers c JOIN orders o ON o.customer = c.id JOIN lines l ON l.orderid = o.id
WHERE o.state = 'paid' GROUP BY c.country ORDER BY c.country;

SELECT 'products', product, total, place FROM (
  SELECT product, sum(amount) AS total, rank() OVER (ORDER BY sum(amount) DESC, product) AS place FROM lines GROUP BY product
) WHERE place <= 5;

SELECT 'names', count(*), sum(length(name)), sum(n) FROM (
  SELECT name, group_concat(state) AS states, count(*) AS n FROM customers c JOIN orders o ON o.customer = c.id GROUP BY name
) WHERE states LIKE '%open%' OR states LIKE '%sent%';

BEGIN;
UPDATE orders SET state = 'late' WHERE state = 'open' AND placed < 1703000000;
DELETE FROM lines WHERE orderid IN (SELECT id FROM orders WHERE state = 'late' AND id % 3 = 0);
UPDATE customers SET note = coalesce(note, '') || ' ' || (SELECT count(*) FROM orders WHERE customer = customers.id);
COMMIT;

SELECT 'documents', sum(json_extract(doc, '$.amount')), max(length(doc)) FROM (
  SELECT json_object('id', orderid, 'amount', sum(amount), 'products', json_group_array(product)) AS doc FROM lines GROUP BY orderid
);
SELECT 'notes', sum(length(note)), max(note) FROM customers;
SELECT 'states', state, count(*) FROM orders GROUP BY state ORDER BY state;
SELECT 'integrity', * FROM pragma_integrity_check;
SELECT 'done';
