package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"doorward/internal/gatetest"
)

// The cases of security.md 4.b that are about how JSON is read.

func TestHTT18_DuplicateKeys(t *testing.T) {
	t.Parallel()
	inEras(t, func(_ *testing.T, h *house) {
		const echo = `"name":"up__echo","arguments":{}`
		good := string(h.body(echo))
		nested := func(depth int) string {
			return `"name":"up__echo","arguments":` + strings.Repeat(`{"a":`, depth-1) + `{"x":1,"x":2}` + strings.Repeat("}", depth-1)
		}
		bodies := map[string]string{
			"method":             `{"method":"ping",` + good[1:],
			"method escaped":     `{"\u006dethod":"ping",` + good[1:],
			"method escaped end": good[:len(good)-1] + `,"\u006Dethod":"ping"}`,
			"id":                 `{"id":8,` + good[1:],
			"jsonrpc":            `{"jsonrpc":"2.0",` + good[1:],
			"params":             `{"params":{},` + good[1:],
			"unknown key":        `{"x":1,"x":1,` + good[1:],
			"name":               string(h.body(`"name":"up__delete_all",` + echo)),
			"name escaped":       string(h.body(`"n\u0061me":"up__delete_all",` + echo)),
			"arguments":          string(h.body(echo + `,"arguments":{"x":1}`)),
			"_meta":              string(h.body(echo + `,"_meta":{},"_meta":{}`)),
			"inside _meta":       `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{` + echo + `,"_meta":{"progressToken":1,"progressToken":2}}}`,
			"in an array":        string(h.body(`"name":"up__echo","arguments":{"a":[{"x":1,"x":1}]}`)),
		}
		for depth := 1; depth <= 5; depth++ {
			bodies[fmt.Sprintf("arguments depth %d", depth)] = string(h.body(nested(depth)))
		}
		h.each(notAllowed, bodies)
	})
}

func TestHTT19_KeysThatFold(t *testing.T) {
	t.Parallel()
	inEras(t, func(_ *testing.T, h *house) {
		good := string(h.body(`"name":"up__echo","arguments":{}`))
		bodies := map[string]string{}
		for _, key := range []string{"Method", "METHOD", "ｍethod", "mEthod"} {
			bodies[key+" beside"] = `{"` + key + `":"ping",` + good[1:]
			bodies[key+" instead"] = strings.Replace(good, `"method"`, `"`+key+`"`, 1)
		}
		for _, key := range []string{"paramſ", "Params", "ｐarams"} {
			bodies[key+" beside"] = `{"` + key + `":{"name":"up__delete_all"},` + good[1:]
		}
		for _, key := range []string{"argumentſ", "Arguments", "NAME", "ｎame", "_META", "taſkId", "tasKId"} {
			bodies[key] = string(h.body(`"name":"up__echo","arguments":{},"` + key + `":"up__delete_all"`))
		}
		for _, key := range []string{"progressToKen", "ProgressToken"} { // the first K is U+212A
			bodies["_meta "+key] = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"up__echo","arguments":{},"_meta":{"` + key + `":1}}}`
		}
		h.each(notAllowed, bodies)
	})
}

func TestHTT20_HiddenCharactersInKeys(t *testing.T) {
	t.Parallel()
	inEras(t, func(_ *testing.T, h *house) {
		good := string(h.body(`"name":"up__echo","arguments":{}`))
		bodies := map[string]string{}
		for _, key := range []string{`method\u0000`, `method `, ` method`, `\ufeffmethod`, "\ufeffmethod", `method\u200b`, `meth\u00adod`} {
			bodies[key+" beside"] = `{"` + key + `":"ping",` + good[1:]
			bodies[key+" instead"] = strings.Replace(good, `"method"`, `"`+key+`"`, 1)
		}
		for _, key := range []string{`name\u0000`, `name `, `\ufeffname`, `arguments\u0000`} {
			bodies[key+" beside"] = string(h.body(`"name":"up__echo","arguments":{},"` + key + `":"up__delete_all"`))
			bodies[key+" instead"] = string(h.body(`"arguments":{},"` + key + `":"up__echo"`))
		}
		h.each(notAllowed, bodies)
	})
}

func TestHTT22_Numbers(t *testing.T) {
	t.Parallel()
	inEras(t, func(t *testing.T, h *house) {
		bodies := map[string]string{}
		for _, n := range []string{"01", "0x1", "NaN", "Infinity", "-Infinity", "+1", ".5", "1.", "1e", "-", "1_000", "１"} {
			bodies[n] = string(h.body(`"name":"up__echo","arguments":{"n":` + n + `}`))
		}
		h.each(notJSON, bodies)
		h.each(notAllowed, map[string]string{
			"a million digits": string(h.body(`"name":"up__echo","arguments":{"n":` + strings.Repeat("9", 1_000_000) + `}`)),
		})
		for _, n := range []string{"1e400", "-0", "9007199254740993", "-9007199254740993", "1E-400", "1.0", "1e2", "123456789012345678901234567890.50"} {
			before := h.up.Count("tools/call")
			r := h.alice.Post(h.alice.Request("9007199254740993", "tools/call", `"name":"up__echo","arguments":{"n":`+n+`}`))
			if !r.OK() || !strings.Contains(string(r.Body), `"id":9007199254740993,`) {
				t.Errorf("%s: got %s", n, r)
			}
			calls := h.up.Seen("tools/call")
			if len(calls) != before+1 || !strings.Contains(string(calls[len(calls)-1].Params), `"arguments":{"n":`+n+`}`) {
				t.Errorf("%s: upstream saw %d calls, the last %s", n, len(calls)-before, calls[len(calls)-1].Params)
			}
		}
	})
}

func TestHTT23_Encodings(t *testing.T) {
	t.Parallel()
	inEras(t, func(t *testing.T, h *house) {
		with := func(text string) string {
			return string(h.body(`"name":"up__echo","arguments":{"s":"` + text + `"}`))
		}
		plain := with("x")
		var le, be, wide strings.Builder
		for _, c := range []byte(plain) {
			le.Write([]byte{c, 0})
			be.Write([]byte{0, c})
			wide.Write([]byte{c, 0, 0, 0})
		}
		h.each(notJSON, map[string]string{
			"0xFF":                  with("\xff"),
			"overlong":              with("\xc0\xaf"),
			"lone surrogate":        with(`\ud800`),
			"lone low surrogate":    with(`\udc00`),
			"surrogates reversed":   with(`\udc00\ud800`),
			"surrogate in UTF-8":    with("\xed\xa0\x80"),
			"beyond Unicode":        with("\xf4\x90\x80\x80"),
			"BOM":                   "\ufeff" + plain,
			"UTF-16LE":              le.String(),
			"UTF-16BE":              be.String(),
			"UTF-16LE with BOM":     "\xff\xfe" + le.String(),
			"UTF-32":                wide.String(),
			"control character":     with("\x01"),
			"newline in a string":   with("\n"),
			"unknown escape":        with(`\x`),
			"key that is not UTF-8": string(h.body("\"name\":\"up__echo\",\"arguments\":{\"\xff\":1}")),
		})
		for _, s := range []string{"\ufffe", "\uffff", `\ufffe`, "\U0001fffe", `\ud83d\ude00`, "\u2028"} {
			r := h.alice.Post([]byte(with(s)))
			calls := h.up.Seen("tools/call")
			if !r.OK() || !strings.Contains(string(calls[len(calls)-1].Params), `{"s":"`+s+`"}`) {
				t.Errorf("%+q: got %s, upstream saw %+q", s, r, calls[len(calls)-1].Params)
			}
		}
	})
}

func TestHTT24_NotOneMessage(t *testing.T) {
	t.Parallel()
	inEras(t, func(_ *testing.T, h *house) {
		good := string(h.body(`"name":"up__echo","arguments":{}`))
		h.each(notJSON, map[string]string{
			"two objects":       `{}{}`,
			"two messages":      good + good,
			"trailing text":     good + ` x`,
			"NDJSON":            good + "\n" + good,
			"comment":           "// hello\n" + good,
			"comment inside":    `{/* hello */` + good[1:],
			"single quotes":     strings.ReplaceAll(good, `"`, `'`),
			"trailing comma":    good[:len(good)-1] + `,}`,
			"empty":             ``,
			"white space":       " \n ",
			"cut":               good[:len(good)-1],
			"trailing NUL":      good + "\x00",
			"unquoted key":      `{jsonrpc:"2.0",` + good[1:],
			"half of a literal": `tru`,
		})
		h.each(notAllowed, map[string]string{
			"null": `null`, "string": `"str"`, "number": `1`, "true": `true`, "empty object": `{}`,
			"no version": strings.Replace(good, `"jsonrpc":"2.0",`, ``, 1),
			"version 1":  strings.Replace(good, `"2.0"`, `"1.0"`, 1),
		})
		h.each(batchTurned, map[string]string{"empty array": `[]`, "array": `[1]`, "array in array": `[[` + good + `]]`})
	})
}

func TestHTT26_Ids(t *testing.T) {
	t.Parallel()
	inEras(t, func(_ *testing.T, h *house) {
		bodies := map[string]string{}
		for _, id := range []string{`null`, `1.5`, `{}`, `[]`, `true`, `1e2`, `1e400`, `"` + strings.Repeat("x", 10<<10) + `"`, strings.Repeat("9", 2000)} {
			bodies[id[:min(len(id), 12)]] = string(h.alice.Request(id, "tools/call", `"name":"up__echo","arguments":{}`))
		}
		h.each(notAllowed, bodies)
	})
}

func TestHTT28_KindsAndMethods(t *testing.T) {
	t.Parallel()
	inEras(t, func(t *testing.T, h *house) {
		post := func(body []byte) func() *gatetest.Reply { return func() *gatetest.Reply { return h.alice.Post(body) } }
		unknown := refusal{http.StatusOK, -32601, "method.unknown"}
		if h.alice.Stateless() {
			unknown.status = http.StatusNotFound
		}
		for _, method := range []string{"frob", "rpc.discover", "tools/Call", "http/stream", "http/close", "sampling/createMessage", "notifications/frob"} {
			h.refused(unknown, post(h.alice.Request("7", method, "")))
		}
		h.refused(notAllowed, post(h.alice.Request("7", "notifications/cancelled", `"requestId":1`)))
		h.refused(notAllowed, post([]byte(strings.Replace(string(h.body(`"name":"up__echo","arguments":{}`)), `"id":7,`, "", 1))))
		h.refused(notAllowed, func() *gatetest.Reply {
			return h.alice.Post(h.alice.Request("7", strings.Repeat("m", 1<<20), ""), "Mcp-Method", "m")
		})
		// A notification that nobody knows is refused and gets no JSON-RPC answer
		// with an id; a flood of them leaves the rest alone.
		for range 50 {
			r := h.alice.Post([]byte(`{"jsonrpc":"2.0","method":"notifications/frob","params":{}}`))
			if r.Status/100 == 2 && r.Status != http.StatusAccepted || r.Status >= 500 || strings.Contains(string(r.Body), `"id":1`) {
				t.Fatalf("unknown notification: %s", r)
			}
		}
		h.neighbour()
	})
}
