#!/usr/bin/env python3
"""An exchange over HTTP while it goes on: programs killed at random, many consumers at once.

    line.py kill [SEED]     es-serve, es-pull and es-apply killed 50 times at random places of the
                            stream, while the producer is written to; then all must be equal
    line.py many [SEED]     es-put on the producer while ten consumers pull; none may lose an event
                            or meet a lock
"""
import json, os, random, shutil, signal, sqlite3, subprocess, sys, tempfile, threading

BIN = os.environ.get("ES_BIN") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bin")
TYPES = [dict(doctype="DocType", name="Row", module="Test", istable=1, fields=[
            dict(fieldname="n", fieldtype="Int"), dict(fieldname="thing", fieldtype="Link", options="Thing")]),
         dict(doctype="DocType", name="Thing", module="Test", autoname="Prompt", allow_rename=1, fields=[
            dict(fieldname="title", fieldtype="Data"), dict(fieldname="n", fieldtype="Int"),
            dict(fieldname="thing", fieldtype="Link", options="Thing"),
            dict(fieldname="rows", fieldtype="Table", options="Row")])]

def prog(name, *args): return [os.path.join(BIN, name), *args]

def run(name, *args, input="", status=(0,)):
    r = subprocess.run(prog(name, *args), input=input, capture_output=True, text=True)
    if r.returncode not in status: sys.exit("%s %s: %d: %s" % (name, " ".join(args), r.returncode, r.stderr))
    return r.stdout

def rows(site, sql):
    db = sqlite3.connect("file:%s?mode=ro" % site, uri=True)
    try: return db.execute(sql).fetchall()
    finally: db.close()

class Server:
    def __init__(self, site):
        self.site, self.address = site, "127.0.0.1:0"
        self.start()
    def start(self):
        self.p = subprocess.Popen(prog("es-serve", "-q", "-L", "rate=100000", "-s", self.site, self.address), stdout=subprocess.PIPE, text=True)
        self.url = json.loads(self.p.stdout.readline())["url"]
        self.address = self.url[len("http://"):]
    def kill(self, how=signal.SIGKILL):
        self.p.send_signal(how)
        self.p.wait()

def make(site):
    run("es-init", "-q", "-s", site + ".db", site)
    run("es-doctype", "-q", "-s", site + ".db", input=json.dumps(TYPES))

def subscribe(site, server):
    run("es-key", "-q", "-o", site + ".key", "-s", server.site, site + "@example.com")
    run("es-subscribe", "-q", "-k", site + ".key", "-s", site + ".db", server.url, "user=Administrator", "Thing", "use_same_name=1")
    run("es-approve", "-aq", "-s", server.site, site)

def docs(site):
    """What it holds, without what each site says of itself."""
    out = {}
    for name, data in rows(site, "SELECT d.name, d.data FROM document d JOIN doctype t ON t.id = d.doctype WHERE t.name = 'Thing'"):
        d = json.loads(data)
        for k in ("owner", "creation", "modified", "modified_by"): d.pop(k)
        d["rows"] = d.get("rows") or []
        out[name] = {k: v for k, v in d.items() if v not in (None, [])}
    return out

class Writer(threading.Thread):
    """Users of the producer, until they are told to stop."""
    def __init__(self, site, rng):
        super().__init__()
        self.site, self.rng, self.over, self.bad, self.n = site, rng, threading.Event(), None, 0
    def lines(self):
        r = self.rng
        for _ in range(r.randint(1, 30)):
            self.n += r.random() < .6
            d = dict(doctype="Thing", name="T%d" % (self.n if r.random() < .7 else r.randint(0, self.n)), n=r.randint(0, 9),
                     title="x" * r.randint(0, 300))
            if r.random() < .3: d["thing"] = d["name"]
            if r.random() < .4: d["rows"] = [dict(name="r%d" % i, n=r.randint(0, 9)) for i in range(r.randint(0, 3))]
            yield json.dumps(d)
    def once(self):
        p = subprocess.run(prog("es-put", "-q", "-s", self.site), input="\n".join(self.lines()) + "\n", capture_output=True, text=True)
        if p.returncode or p.stderr: self.bad = "es-put: %d: %s" % (p.returncode, p.stderr)
        name = "T%d" % self.rng.randint(0, self.n)
        if self.rng.random() < .2: subprocess.run(prog("es-mv", "-q", "-s", self.site, "Thing", name, name + "-%d" % self.n), capture_output=True)
        elif self.rng.random() < .2: subprocess.run(prog("es-rm", "-q", "-s", self.site, "Thing", name), capture_output=True)
    def run(self):
        while not self.over.is_set() and not self.bad: self.once()

def exchange(server, site, kill, after):
    """The pipe, by way of this program, which kills one of the three after so many bytes."""
    pull = subprocess.Popen(prog("es-pull", "-q", "-W", "0", "-L", "20", "-s", site, server.url), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    apply_ = subprocess.Popen(prog("es-apply", "-q", "-s", site), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    seen = 0
    while True:
        data = os.read(pull.stdout.fileno(), 997)
        if not data: break
        seen += len(data)
        try: apply_.stdin.write(data); apply_.stdin.flush()
        except BrokenPipeError: break
        if kill and seen > after:
            victim = dict(pull=pull, apply=apply_, serve=server.p)[kill]
            victim.kill()
            victim.wait()
            kill = None
    pull.stdout.close()
    try: apply_.stdin.close()
    except BrokenPipeError: pass
    pull.wait()
    if server.p.poll() is not None: server.start()
    return kill is None, apply_.wait()

def equal(site, producer):
    a, b = docs(producer), docs(site)
    if a != b:
        sys.exit("%s and %s differ in %s" % (producer, site, sorted(k for k in a.keys() | b.keys() if a.get(k) != b.get(k))[:5]))
    for sql in ("SELECT event FROM synclog WHERE status = 0 GROUP BY event HAVING count(*) > 1", "SELECT event, why FROM parked"):
        if rows(site, sql): sys.exit("%s: %s: %s" % (site, sql, rows(site, sql)[:3]))

def finish(server, site):
    for _ in range(3):
        killed, status = exchange(server, site, None, 0)
    if status: sys.exit("es-apply ended with %d" % status)
    equal(site, server.site)

def kill(rng):
    make("p"); make("c")
    server = Server("p.db")
    try:
        subscribe("c", server)
        writer, n, tries = Writer("p.db", rng), 0, 0
        writer.once()
        writer.start()
        while n < 50 and tries < 2000 and not writer.bad:
            tries += 1
            n += exchange(server, "c.db", rng.choice(("pull", "apply", "serve")), int(rng.expovariate(1 / 8000)))[0]
        writer.over.set()
        writer.join()
        if writer.bad: sys.exit(writer.bad)
        if n < 50: sys.exit("only %d of 50 were killed" % n)
        finish(server, "c.db")
        print("%d kills, %d documents" % (n, len(docs("c.db"))))
    finally: server.kill()

def many(rng):
    sites = ["c%d" % i for i in range(10)]
    make("p"); make("c0")
    for s in sites[1:]: make(s)
    server = Server("p.db")
    try:
        for s in sites: subscribe(s, server)
        writer = Writer("p.db", rng)
        writer.start()
        def pulls(s):
            for _ in range(12):
                r = subprocess.run("'%s' -q -s %s.db %s | '%s' -q -s %s.db" % (os.path.join(BIN, "es-pull"), s, server.url,
                    os.path.join(BIN, "es-apply"), s), shell=True, capture_output=True, text=True)
                if r.returncode or r.stderr: bad.append("%s: %d: %s" % (s, r.returncode, r.stderr))
        bad, threads = [], []
        for s in sites:
            threads.append(threading.Thread(target=pulls, args=(s,)))
            threads[-1].start()
        for t in threads: t.join()
        writer.over.set()
        writer.join()
        if bad or writer.bad: sys.exit("\n".join(bad[:5]) or writer.bad)
        for s in sites: finish(server, s + ".db")
        print("%d documents" % len(docs("c0.db")))
    finally: server.kill(signal.SIGTERM)

def main():
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(100000)
    print("seed %d" % seed)
    os.umask(0o077)
    root = tempfile.mkdtemp(prefix="line.")
    os.chdir(root)
    try: dict(kill=kill, many=many)[sys.argv[1]](random.Random(seed))
    finally: os.chdir("/"); shutil.rmtree(root)

if __name__ == "__main__": main()
