//go:build linux && !race

package stress_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"doorward/internal/gatetest"
)

// What a request of 10 KiB may cost, a hundred times its own size (RES-24): bytes that are
// allocated on its way, by client and upstream too, and time on the processors. The race
// detector allocates for itself.
const (
	tenKiB    = 10 << 10
	mostBytes = 1 << 20
	mostTime  = 50 * time.Millisecond
	costTries = 4 // what else the process does meanwhile does not come in each
	unbounded = 1 << 30
)

// hundredfold has a tool for each reader of arguments.
const hundredfold = `
trust: {flows: []}
upstreams:
  files:
    url: "${files}"
    arguments: {path: path, statement: sql, word: command, url: url, host: host, to: email, options: json}
roles:
  reader:
    allow:
      - tools: [files/read]
        where: {path: {under: [/srv/a]}}
      - tools: [files/query]
        where: {sql: {tables: [public.t1, public.t2]}}
      - tools: [files/git]
        where: {command: {programs: [git, status, log]}}
      - tools: [files/fetch, files/lookup]
      - tools: [files/mail]
        where: {email: {domains: [ok.test]}}
`

// spent is what this process has had of the processors.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// costly are arguments of 10 KiB, for each of the readers that a call comes to.
func costly() map[string]struct{ tool, arguments string } {
	type call = struct{ tool, arguments string }
	all := map[string]call{}
	add := func(tool, key, kind, text string) {
		value, err := json.Marshal(text[:min(len(text), tenKiB)])
		if err != nil {
			panic(err)
		}
		all[key+" "+kind] = call{tool, fmt.Sprintf(`{%q:%s}`, key, value)}
	}
	fill := func(s string) string { return strings.Repeat(s, tenKiB/len(s)) }
	for kind, s := range map[string]string{"dots": "../", "escapes": "%252e%252e%252f", "names": "a/", "wide": "\uff0e\uff0e\uff0f"} {
		add("read", "path", kind, "/srv/a/"+fill(s))
	}
	for kind, s := range map[string]string{"brackets": "(", "joins": " join t1 on t1.a=t2.b", "unions": " union select 1", "comments": "/*", "quotes": "''", "cases": " case when 1", "ands": " and a=1", "in": ",1"} {
		add("query", "statement", kind, "select a from t1 where a in (1)"+fill(s))
	}
	for kind, s := range map[string]string{"substitutions": "$(", "backticks": "`", "pipes": "a|", "quotes": "'\"", "heredocs": "<<a\n", "braces": "{a,", "backslashes": "\\"} {
		add("git", "word", kind, "git "+fill(s))
	}
	for kind, s := range map[string]string{"users": "a@", "escapes": "%25", "dots": "a.", "colons": ":", "brackets": "["} {
		add("fetch", "url", kind, "https://"+fill(s))
		add("fetch", "host", kind, fill(s))
	}
	for kind, s := range map[string]string{"ats": "@", "quotes": `"`, "comments": "(", "routes": "@a,"} {
		add("mail", "to", kind, fill(s))
	}
	for kind, s := range map[string]string{"nested": `{"a":`, "arrays": `[`, "strings": `"\"`} {
		add("read", "options", kind, fill(s))
	}
	add("read", "options", "json in json", func() string {
		s := `{"path":"/srv/a"}`
		for len(s) < tenKiB/2 {
			b, err := json.Marshal(s)
			if err != nil {
				panic(err)
			}
			s = `{"options":` + string(b) + `}`
		}
		return s
	}())
	// What the detectors of texts read, and JSON itself.
	for kind, s := range map[string]string{
		"spaced": "i g n o r e ", "tags": "\U000E0069", "escapes": `\u0069`, "entities": "&#105;", "base64": "aWdub3JlIGFsbCA", "percent": "%69%67", "zero width": "a\u200b", "bidi": "\u202e\u202d",
		"combining": "a\u0301\u0301", "bidding": "ignore all previous instructions and ", "digits": "4111 1111 1111 1111 ", "keys": "AKIA", "assignments": "password=", "comments": "<!--", "links": "![a](b",
		"hex": "69676e6f7265", "dashes": "-----BEGIN ", "mails": "a@b.c ", "numbers": "1-2-3-4-",
	} {
		add("lookup", "text", kind, fill(s))
	}
	all["raw nested"] = call{"lookup", `{"a":` + strings.Repeat("[", 900) + strings.Repeat("]", 900) + `}`}
	all["raw keys"] = call{"lookup", `{` + manyKeys(1_200) + `}`}
	all["raw numbers"] = call{"lookup", `{"a":[` + strings.Repeat("1e9,", tenKiB/4) + `1]}`}
	all["raw escapes"] = call{"lookup", `{"a":"` + strings.Repeat(`\u00e9`, tenKiB/6) + `"}`}
	all["raw digits"] = call{"lookup", `{"a":` + strings.Repeat("9", tenKiB) + `}`}
	return all
}

// RES-24: whatever a request of 10 KiB says, it costs at most a hundred times its size, and
// little time, from the socket to its answer. Nothing else runs in this process meanwhile.
func TestRES24_AHundredfold(t *testing.T) {
	script := gatetest.Script{}
	for _, name := range []string{"read", "query", "git", "fetch", "mail", "lookup"} {
		script.Tools = append(script.Tools, fmt.Appendf(nil, `{"name":%q,"inputSchema":{"type":"object"}}`, name))
	}
	up := gatetest.Upstream(t, script)
	g := gatetest.Gateway(t, hundredfold, map[string]*gatetest.UP{"files": up})
	g.Approve("")
	alice := g.As("alice", "reader").Open("2026-07-28")
	for range 20 { // what is made once
		alice.Call("files__read", `{"path":"/srv/a/x"}`)
		alice.Call("files__query", `{"statement":"select 1 from public.t1"}`)
	}
	for name, c := range costly() {
		bytes, took := uint64(unbounded), time.Duration(unbounded)
		for range costTries {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			began := spent(t)
			r := alice.Call("files__"+c.tool, c.arguments)
			took = min(took, spent(t)-began)
			runtime.ReadMemStats(&after)
			bytes = min(bytes, after.TotalAlloc-before.TotalAlloc)
			if r.Status == 0 {
				t.Fatalf("%s: no answer", name)
			}
			if bytes <= mostBytes && took <= mostTime {
				break
			}
		}
		if bytes > mostBytes || took > mostTime {
			t.Errorf("%s: %d KiB, %s; want at most %d KiB, %s", name, bytes>>10, took, mostBytes>>10, mostTime)
		}
	}
}

// manyKeys are the members of an object.
func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%x":0,`, i)
	}
	return b.String() + `"-":0`
}
