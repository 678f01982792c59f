#!/usr/bin/env python3
"""Random graphs of documents that link to one another, through es-pull | es-deps | es-apply.

A producer has up to 200 documents of three DocTypes: links in fields and rows, dynamic ones, circles,
links of a document to itself.  Its consumer has subscribed to one or two of the DocTypes; some documents
were there before.  The producer goes on writing, some documents hide for a while (the producer says that
it does not have them), and of what it sends lines are lost, or doubled, and shuffled.  After each run:

    each link of a document at the consumer leads to a document there;
    what is parked for want of a document waits for one that is not there, and if it says that the
    producer does not have it, that is so;
    no document was made twice, no event applied twice (a snapshot has the name of the newest event in it).

At the end nothing hides and all lines come: then nothing is parked, and what is subscribed to is the same
on both sides.

    graph.py --seeds 0-39 --jobs 2      a line a failing seed; status 1 if there is one
    graph.py --seed 17 --keep           what happened, and the site files
"""
import argparse, json, multiprocessing, os, random, re, shutil, sqlite3, subprocess, sys, tempfile, traceback

BIN = os.environ.get("ES_BIN") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bin")
TYPES = "Red", "Green", "Blue"
SERVED = 8                                          # one in so many over es-serve

def doctypes():
    def field(name, fieldtype, options=None): return dict(fieldname=name, fieldtype=fieldtype, options=options)
    links = [field(t.lower(), "Link", t) for t in TYPES]
    row = dict(doctype="DocType", name="Row", module="T", istable=1, fields=links)
    return [row] + [dict(doctype="DocType", name=t, module="T", autoname="Prompt", fields=links + [
        field("title", "Data"), field("of", "Link", "DocType"), field("any", "Dynamic Link", "of"),
        field("rows", "Table", "Row")]) for t in TYPES]

def links(doc):
    """(DocType, name) for each link of a document."""
    for d in [doc] + (doc.get("rows") or []):
        for t in TYPES:
            if d.get(t.lower()): yield t, d[t.lower()]
    if doc.get("any"): yield doc["of"], doc["any"]

def content(doc):
    rows = [{k: v for k, v in r.items() if k not in ("name", "idx") and v is not None} for r in doc.get("rows") or []]
    keys = [t.lower() for t in TYPES] + ["title", "of", "any"]
    return dict({k: doc[k] for k in keys if doc.get(k) is not None}, rows=rows)

class Wrong(Exception): pass

class Graph:
    def __init__(self, seed, root, keep):
        self.rng, self.keep, self.dir, self.root = random.Random(seed), keep, os.path.join(root, "graph%d" % seed), root
        shutil.rmtree(self.dir, ignore_errors=True)
        os.mkdir(self.dir)
        self.served = seed % SERVED == SERVED - 1
        self.docs, self.hidden, self.server = {}, set(), None

    def say(self, *words):
        if self.keep: print(*words)

    def run(self, *args, input="", status=(0,), name=None):
        p = subprocess.run([os.path.join(BIN, args[0]), *args[1:]], input=input, capture_output=True, text=True, cwd=self.dir)
        if name: open(os.path.join(self.dir, name), "w").write(p.stdout)
        if p.returncode not in status or "Sanitizer" in p.stderr: raise Wrong("%s: status %d: %s" % (" ".join(args), p.returncode, p.stderr))
        return p.stdout

    def rows(self, site, sql, *args):
        db = sqlite3.connect(os.path.join(self.dir, site + ".db"), timeout=60)
        try:
            with db: return db.execute(sql, args).fetchall()
        finally: db.close()

    # ---- the two sites
    def template(self, site):
        path = os.path.join(self.root, site + ".db")
        if not os.path.exists(path):
            for args, text in ((("es-init", "-q", "-s", path + ".new", site), ""),
                               (("es-doctype", "-q", "-s", path + ".new"), "\n".join(map(json.dumps, doctypes())))):
                self.run(*args, input=text)
            self.rows_of(path + ".new")
            os.rename(path + ".new", path)
        shutil.copy(path, os.path.join(self.dir, site + ".db"))

    def rows_of(self, path):
        sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def subscribe(self):
        rows = [w for t in self.wanted for w in (t, "use_same_name=1")]
        if self.served:
            self.run("es-key", "-q", "-o", "key", "-s", "north.db", "south@example.com")
            self.server = subprocess.Popen([os.path.join(BIN, "es-serve"), "-q", "-L", "rate=1000", "-s", "north.db", ":0"],
                                           stdout=subprocess.PIPE, text=True, cwd=self.dir)
            self.producer = json.loads(self.server.stdout.readline())["url"]
            self.run("es-subscribe", "-q", "-k", "key", "-s", "south.db", self.producer, "user=Administrator", *rows)
        else:
            self.producer = "north.db"
            request = self.run("es-subscribe", "-s", "south.db", "-o", "/dev/stdout", "-q", "north", "user=Administrator", *rows)
            self.run("es-approve", "-q", "-s", "north.db", "-", input=request)
        self.run("es-approve", "-aq", "-s", "north.db", "south")

    # ---- the producer writes
    def target(self):
        return self.rng.choice(list(self.docs)) if self.docs else None

    def change(self, key):
        """Some new links, and maybe none any more, in a document."""
        r, doc = self.rng, {"doctype": key[0], "name": key[1], "title": str(self.rng.random())}
        for _ in range(r.choice((0, 1, 1, 2, 3))):
            t = key if r.random() < .05 and key in self.docs else self.target()
            if t: doc[t[0].lower()] = r.choice((t[1], t[1], t[1], None))
        if r.random() < .3 and (t := self.target()): doc["of"], doc["any"] = t
        if r.random() < .4:
            doc["rows"] = [{t[0].lower(): t[1]} for t in (self.target() for _ in range(r.choice((0, 1, 2, 5)))) if t]
        return doc

    def write(self, new, changes):
        lines = []
        for _ in range(new):
            key = self.rng.choice(TYPES), "d%d" % len(self.docs)
            lines.append(self.change(key))
            self.docs[key] = True
        for _ in range(changes if self.docs else 0): lines.append(self.change(self.target()))
        self.run("es-put", "-q", "-s", "north.db", input="".join(json.dumps(l) + "\n" for l in lines))

    def hide(self, keys):
        """The producer does not have them any more; or has again what is not among them."""
        self.hidden = set(keys)
        self.rows("north", "UPDATE origin SET gone = NULL WHERE gone = 1")
        for key in self.hidden:
            self.rows("north", "UPDATE origin SET gone = 1 WHERE id = (SELECT d.id FROM document d JOIN doctype t"
                      " ON t.id = d.doctype WHERE t.name = ? AND d.name = ?)", *key)

    # ---- the consumer reads
    def spoil(self, text):
        """Lines lost or doubled (not both: a checkpoint counts them), in another order; control lines stay
        where they are."""
        r, out, page = self.rng, [], []
        lose, shuffle = r.random() < .4, r.random() < .5
        double = not lose and r.random() < .3
        for l in text.splitlines():
            if "update_type" in l:
                if lose and r.random() < .2: continue
                page += [l, l] if double and r.random() < .2 else [l]
                continue
            if shuffle: r.shuffle(page)
            out += page + [l]
            page = []
        return "\n".join(out + page) + "\n"

    def sync(self, clean):
        limit = self.rng.choice(("1", "7", "50", "1000"))
        got = self.run("es-pull", "-q", "-W", "0", "-L", limit, "-s", "south.db", self.producer, name="pulled")
        if not clean: got = self.spoil(got)
        got = self.run("es-deps", "-q", "-W", "0", "-L", self.rng.choice(("1", "3", "200")), "-p", self.producer, "-s", "south.db",
                       input=got, name="needed")
        log = self.run("es-apply", "-s", "south.db", input=got, status=(0, 1) if clean else (0, 1, 111), name="log")
        for l in map(json.loads, log.splitlines()):
            self.say("  ", l["status"], l.get("update_type"), l.get("ref_doctype"), l.get("producer_doc"), l.get("error", ""))
        self.check()

    # ---- what must hold
    def there(self, site):
        return {(t, n): json.loads(d) for t, n, d in self.rows(site, "SELECT t.name, d.name, d.data FROM document d"
                " JOIN doctype t ON t.id = d.doctype WHERE t.name IN ('Red', 'Green', 'Blue')")}

    def check(self):
        have = self.there("south")
        for key, doc in have.items():
            for to in links(doc):
                if to not in have: raise Wrong("%s %s links to %s %s, which is not there" % (key + to))
        here = {b for b, in self.rows("south", "SELECT birth FROM origin WHERE gone IS NULL")}
        births = {b: (t, n) for b, t, n in self.rows("north", "SELECT o.birth, t.name, d.name FROM origin o JOIN document d"
                  " ON d.id = o.id JOIN doctype t ON t.id = d.doctype")}
        parked = dict(self.rows("south", "SELECT document, count(*) FROM parked GROUP BY document"))
        for document, code, why, want in self.rows("south", "SELECT document, code, why, want FROM parked"):
            if code not in ("waits", "gap"): raise Wrong("parked for %s: %s" % (code, why))
            if code == "gap": continue
            m = re.fullmatch(r"waits for (\w+) '(\w+)'(, which .* does not have or does not give)?", why)
            if not m: raise Wrong("what does '%s' mean?" % why)
            wanted = {births[b]: b for b in want.split()}
            if m.group(1, 2) not in wanted: raise Wrong("'%s', but it waits for %s" % (why, list(wanted)))
            if wanted[m.group(1, 2)] in here: raise Wrong("%s, which is there" % why)
            if m.group(3) and m.group(1, 2) not in self.hidden: raise Wrong("%s, but it has" % why)
        self.once("documents were made twice", "SELECT doc FROM journal WHERE type = 0 GROUP BY doc HAVING count(*) > 1")
        self.once("events were applied twice", "SELECT event, type FROM synclog WHERE status = 0 AND docname IS NOT NULL"
                  " GROUP BY event, type HAVING count(*) > 1")
        return parked

    def once(self, what, sql):
        if (twice := self.rows("south", sql)): raise Wrong("%s: %s" % (what, twice))

    def finish(self):
        self.hide(())
        self.sync(True)
        if (parked := self.check()):
            raise Wrong("still parked: %s" % self.rows("south", "SELECT document, event, code, why FROM parked"))
        north, south = self.there("north"), self.there("south")
        sent = {tuple(r) for r in self.rows("north", "SELECT DISTINCT t.name, j.docname FROM journal j JOIN doctype t"
                " ON t.id = j.doctype WHERE j.creation > ?", self.start)}
        for key in sent:
            if key[0] not in self.wanted: continue
            if key not in south: raise Wrong("%s %s did not come" % key)
            if content(north[key]) != content(south[key]):
                raise Wrong("%s %s: %s, not %s" % (*key, content(south[key]), content(north[key])))

    def play(self):
        r = self.rng
        self.wanted = r.sample(TYPES, r.choice((1, 1, 2)))
        for site in ("north", "south"): self.template(site)
        n = r.choice((3, 8, 20, 50, 200))
        self.write(r.randrange(n), 0)
        self.subscribe()
        self.start = self.rows("north", "SELECT max(creation) FROM journal")[0][0]
        rounds = r.choice((1, 2, 4))
        for i in range(rounds):
            self.write((n - len(self.docs)) // (rounds - i), r.randrange(n))
            self.hide([k for k in self.docs if r.random() < r.choice((0, .1, .5))])
            self.say("round", i, len(self.docs), "documents; hidden:", *sorted("%s %s" % k for k in self.hidden))
            self.sync(r.random() < .5)
        self.hide([k for k in self.hidden if r.random() < .5])
        self.say("fewer hidden:", *sorted("%s %s" % k for k in self.hidden))
        self.sync(True)
        self.say("none hidden")
        self.finish()

    def close(self):
        if self.server:
            self.server.terminate()
            self.server.wait()
        if not self.keep: shutil.rmtree(self.dir)

def one(job):
    seed, root, keep = job
    g = Graph(seed, root, keep)
    try: g.play()
    except Wrong as e: return seed, str(e)
    except Exception: return seed, traceback.format_exc()
    finally: g.close()
    return seed, None

def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seeds", default="0-39")
    ap.add_argument("--seed", type=int)
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--keep", action="store_true")
    o = ap.parse_args()
    first, last = (o.seed, o.seed) if o.seed is not None else map(int, o.seeds.split("-"))
    root = tempfile.mkdtemp(prefix="graph")
    g = Graph(-1, root, False)
    for site in ("north", "south"): g.template(site)
    bad = 0
    try:
        with multiprocessing.Pool(o.jobs) as pool:
            for seed, why in pool.imap_unordered(one, [(s, root, o.keep) for s in range(first, last + 1)]):
                if why: print("seed %d: %s" % (seed, why)); bad += 1
    finally:
        if o.keep: print(root)
        else: shutil.rmtree(root)
    print("%d graphs, %d wrong" % (last - first + 1, bad))
    sys.exit(1 if bad else 0)

if __name__ == "__main__": main()
