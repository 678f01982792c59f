#!/usr/bin/env python3
"""The answer is a function of log and cursor: random histories of a producer, whose consumers pull
over a line that breaks.

Two consumers, one with a condition, pull through a proxy that drops the connection in mid-answer;
answers are lost, asked for again, begin before the cursor; consumers are restored from copies;
documents come into view and go out of it, are renamed and deleted.  At the end each consumer has what
is in view for it, as the producer has it, and nothing that never was; nothing was applied twice.

    exchange.py FROM TO [JOBS]
"""
import json, multiprocessing, os, random, shutil, socket, subprocess, sys, tempfile, threading
import line
from line import docs, prog, rows, run

CONSUMERS = dict(all=None, some="doc.on == 1")
TYPE = dict(doctype="DocType", name="Thing", module="Test", autoname="Prompt", allow_rename=1, fields=[
    dict(fieldname="on", fieldtype="Check"), dict(fieldname="n", fieldtype="Int"), dict(fieldname="title", fieldtype="Data")])

class Proxy(threading.Thread):
    """Passes bytes on; drops a connection after so many bytes of an answer."""
    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.to, self.drop = None, None
        self.start()
    def run(self):
        while True:
            client = self.listener.accept()[0]
            server = socket.create_connection(self.to)
            for a, b, answer in ((client, server, False), (server, client, True)):
                threading.Thread(target=self.copy, args=(a, b, answer), daemon=True).start()
    def copy(self, a, b, answer):
        try:
            while True:
                data = a.recv(4096)
                if not data: break
                if answer and self.drop is not None:
                    self.drop -= len(data)
                    if self.drop < 0: b.sendall(data[:max(0, len(data) + self.drop)]); self.drop = None; break
                b.sendall(data)
        except OSError: pass
        for s in (a, b):
            try: s.shutdown(socket.SHUT_RDWR)
            except OSError: pass

class Line:
    """The proxy, and sites prepared once, copied for each history."""
    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="exchange.")
        os.chdir(self.root)
        self.proxy = Proxy()
        for s in ("p", *CONSUMERS):
            run("es-init", "-q", "-s", s + ".db", s)
            run("es-doctype", "-q", "-s", s + ".db", input=json.dumps(TYPE))
        self.serve()
        for c, condition in CONSUMERS.items():
            run("es-key", "-q", "-o", c + ".key", "-s", "p.db", c + "@example.com")
            run("es-subscribe", "-q", "-k", c + ".key", "-s", c + ".db", self.proxy.url, "user=Administrator", "Thing",
                "use_same_name=1", *(["condition=" + condition] if condition else []))
            run("es-approve", "-aq", "-s", "p.db", c)
        self.server.kill(line.signal.SIGTERM)
        for s in ("p", *CONSUMERS): shutil.copyfile(s + ".db", s + ".new")
    def serve(self):
        self.server = line.Server("p.db")
        self.proxy.to = ("127.0.0.1", int(self.server.address.split(":")[1]))

class History:
    def __init__(self, l, seed):
        self.l, self.rng, self.n = l, random.Random(seed), 0
        self.things, self.ever, self.past = {}, {c: set() for c in CONSUMERS}, {c: [None] for c in CONSUMERS}
        for s in ("p", *CONSUMERS):
            for f in (s + ".db", s + ".db-wal", s + ".db-shm", s + ".copy"):
                if os.path.exists(f): os.unlink(f)
            shutil.copyfile(s + ".new", s + ".db")
            os.chmod(s + ".db", 0o600)
        l.serve()

    def note(self):
        for name, t in self.things.items():
            self.ever["all"].add(t["id"])
            if t["on"]: self.ever["some"].add(t["id"])

    def write(self):
        out, r = [], self.rng
        for _ in range(r.randint(1, 8)):
            if r.random() < .4 or not self.things:
                self.n += 1
                t = self.things["T%d" % self.n] = dict(id=self.n, on=r.randint(0, 1))
                out.append(dict(doctype="Thing", name="T%d" % self.n, on=t["on"], n=0, title="t" * r.randint(0, 900)))
            else:
                name = r.choice(sorted(self.things))
                t = self.things[name]
                if r.random() < .5: t["on"] = 1 - t["on"]
                out.append(dict(doctype="Thing", name=name, on=t["on"], n=r.randint(0, 99)))
            self.note()
        run("es-put", "-q", "-s", "p.db", input="\n".join(map(json.dumps, out)) + "\n")
        if r.random() < .3 and self.things:
            name = r.choice(sorted(self.things))
            if r.random() < .5:
                del self.things[name]
                run("es-rm", "-q", "-s", "p.db", "Thing", name)
            else:
                self.n += 1
                self.things["R%d" % self.n] = self.things.pop(name)
                run("es-mv", "-q", "-s", "p.db", "Thing", name, "R%d" % self.n)

    def cursor(self, c):
        r = rows(c + ".db", "SELECT strftime('%Y-%m-%d %H:%M:%S', cursor / 1000000, 'unixepoch') || printf('.%06d,',"
                 " cursor % 1000000) || cursor_name FROM producer WHERE cursor > 0")
        return r[0][0] if r else None

    def pull(self, c, drop=None, since=None, lost=False, limit=1000):
        self.l.proxy.drop = drop
        args = ["-S", since] if since else []
        p = subprocess.run(prog("es-pull", "-q", "-W", "0", "-L", str(limit), "-s", c + ".db", *args, self.l.proxy.url),
                           capture_output=True)
        cut = self.l.proxy.drop is None and drop is not None
        self.l.proxy.drop = None
        if p.returncode not in ((0, 111) if cut else (0,)): raise AssertionError("es-pull: %d: %s" % (p.returncode, p.stderr))
        if lost: return
        a = subprocess.run(prog("es-apply", "-q", "-s", c + ".db"), input=p.stdout, capture_output=True)
        # An overlap that ends before the cursor, or a page between, is no progress: that is said.
        if a.returncode not in (0, 111 if cut else 0, 1 if since else 0):
            raise AssertionError("es-apply: %d: %s" % (a.returncode, a.stderr))
        if self.cursor(c): self.past[c].append(self.cursor(c))

    def act(self):
        r = self.rng
        c, x, limit = r.choice(list(CONSUMERS)), r.random(), r.choice((1, 3, 10, 1000))
        if x < .4: self.pull(c, drop=int(r.expovariate(1 / 3000)), limit=limit)
        elif x < .5: self.pull(c, lost=True, limit=limit)
        elif x < .65: self.pull(c, since=r.choice(self.past[c]), limit=limit)
        elif x < .75: run_sql(c + ".db", "VACUUM INTO '%s'" % (c + ".copy"))
        elif x < .85 and os.path.exists(c + ".copy"): self.restore(c)
        else: self.pull(c, limit=limit)

    def restore(self, c):
        for f in (c + ".db-wal", c + ".db-shm"):
            if os.path.exists(f): os.unlink(f)
        shutil.copyfile(c + ".copy", c + ".db")

    def check(self, c):
        got, all_ = docs(c + ".db"), docs("p.db")
        view = {k for k, d in all_.items() if c == "all" or d.get("on")}
        for name in view:
            if got.get(name) != all_[name]: raise AssertionError("%s: %s: %s, not %s" % (c, name, got.get(name), all_[name]))
        for name in got:
            if name not in self.things: raise AssertionError("%s: %s is no more" % (c, name))
            if self.things[name]["id"] not in self.ever[c]: raise AssertionError("%s: %s was never in view" % (c, name))
        for sql in ("SELECT event FROM synclog WHERE status = 0 GROUP BY event HAVING count(*) > 1", "SELECT event, why FROM parked"):
            if rows(c + ".db", sql): raise AssertionError("%s: %s: %s" % (c, sql, rows(c + ".db", sql)))

    def run(self):
        try:
            for _ in range(self.rng.randint(3, 10)):
                self.write()
                for _ in range(self.rng.randint(0, 3)): self.act()
            for c in CONSUMERS:
                self.pull(c)
                self.pull(c)
                self.check(c)
        finally: self.l.server.kill(line.signal.SIGTERM)

def run_sql(site, sql):
    if os.path.exists(site[:-2] + "copy"): os.unlink(site[:-2] + "copy")
    db = line.sqlite3.connect(site)
    db.execute(sql)
    db.close()

def job(seeds):
    os.umask(0o077)
    l = Line()
    try:
        for s in seeds:
            try: History(l, s).run()
            except (AssertionError, SystemExit) as x: return "seed %d: %s" % (s, x)
    finally: os.chdir("/"); shutil.rmtree(l.root)

def main():
    first, last, jobs = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 2
    with multiprocessing.Pool(jobs) as pool:
        bad = [x for x in pool.map(job, [range(first + i, last + 1, jobs) for i in range(jobs)]) if x]
    print("\n".join(bad) or "%d histories" % (last - first + 1))
    return 1 if bad else 0

if __name__ == "__main__": sys.exit(main())
