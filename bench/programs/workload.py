# What Python programs do with memory. The argument says how much; the lines printed depend on nothing else.
import hashlib
import heapq
import json
import re
import sys

SCALE = int(sys.argv[1])


class Random:
    """Ours rather than Python's: that one may change between versions."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state * limit) >> 32


def say(name, *parts):
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()
    print(name, digest)


def dicts():
    random = Random(1)
    live = {}
    for i in range(SCALE * 6000):
        key = "user:%d" % random.below(SCALE * 1500)
        if i % 3 == 2:
            live.pop(key, None)
        else:
            live[key] = {"id": i, "tags": (i & 7, i & 63), "name": key.upper()}
    groups = {}
    for key, value in live.items():
        groups.setdefault(value["tags"], []).append(key)
    say("dicts", len(live), sorted((tags, len(keys)) for tags, keys in groups.items()))


def lists():
    random = Random(2)
    window = []
    for _ in range(SCALE * 250):
        window.append([random.below(1 << 30) for _ in range(random.below(64))])
        if len(window) > 2000:
            del window[: 1000 : 2]
    flat = [number for part in window for number in part]
    say("lists", len(flat), sum(flat), sum(flat[::7]), flat[-1])


def strings():
    random = Random(3)
    words = ["".join(chr(97 + random.below(26)) for _ in range(3 + random.below(9))) for _ in range(600)]
    kept = []
    for i in range(SCALE * 250):
        line = " ".join(words[random.below(600)] for _ in range(5 + random.below(40)))
        kept.append(line.replace("a", "<a>").title())
        if len(kept) > 3000:
            kept = kept[1500:]
    joined = "\n".join(kept)
    say("strings", len(joined), joined[:1000], joined.encode("utf-16")[-200:])


def documents():
    random = Random(4)
    for i in range(max(1, SCALE // 4)):
        records = [
            {"id": j, "price": random.below(100000) / 100, "name": "item %d" % j, "of": [j, None, {"in": j % 3 == 0}]}
            for j in range(900)
        ]
        text = json.dumps(records, indent=1 if i % 2 else None)
        back = json.loads(text)
        assert back == records
    say("json", text)


def sorting():
    random = Random(5)
    rows = [(random.below(1000), "%06d" % random.below(1000000), i) for i in range(SCALE * 1200)]
    by_text = sorted(rows, key=lambda row: (row[1], -row[2]))
    heap = []
    for row in rows:
        heapq.heappush(heap, row)
        if len(heap) > 5000:
            heapq.heappop(heap)
    say("sorting", by_text[:50], by_text[-50:], sorted(heap)[:50])


def expressions():
    random = Random(6)
    line = re.compile(r'(?P<host>[\w.]+) - (?P<user>\w+) "(?P<verb>GET|PUT) (?P<path>/[^ "]*)" (?P<status>\d{3})')
    counts = {}
    for i in range(SCALE * 500):
        text = 'host%d.example - user%d "%s /a/%d?q=%s" %d' % (
            random.below(50), random.below(500), ("GET", "PUT")[i & 1], i, "x" * random.below(60), 200 + random.below(5),
        )
        match = line.match(text)
        key = match["host"], match["status"]
        counts[key] = counts.get(key, 0) + len(match.groupdict()["path"])
        if i % 16 == 0:
            re.sub(r"\d+", lambda number: "<%s>" % number.group(), text)
    say("regular expressions", sorted(counts.items()))


class Node:
    __slots__ = ("key", "left", "right", "payload")

    def __init__(self, key, payload):
        self.key = key
        self.left = None
        self.right = None
        self.payload = payload


def trees():
    random = Random(7)
    total = 0
    for _ in range(max(1, SCALE // 10)):
        root = Node(1 << 31, b"")
        for i in range(6000):
            key = random.below(1 << 32)
            at = root
            while True:
                side = "left" if key < at.key else "right"
                below = getattr(at, side)
                if below is None:
                    setattr(at, side, Node(key, bytes(random.below(900))))
                    break
                at = below
        stack = [root]
        while stack:
            at = stack.pop()
            total += len(at.payload) ^ (at.key & 0xFF)
            stack.extend(child for child in (at.left, at.right) if child is not None)
    say("trees", total)


for part in (dicts, lists, strings, documents, sorting, expressions, trees):
    part()
print("done")
