package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"doorward/internal/cputime"
	"doorward/internal/gatetest"
	"doorward/internal/mcp"
)

// The cases of security.md 4.b that are about size.

// atOnce is the time in which a hostile body must be refused (HTT-21). The race
// detector and a busy machine slow everything down, so the best of several
// tries counts.
const atOnce = 50 * time.Millisecond

// amplification is how many times its own size a body may cost in memory
// (security.md §1, K5).
const amplification = 100

// cheap parses a hostile body as the line does, and holds it to its time, its
// memory and its stack.
func cheap(t *testing.T, name string, body []byte) {
	t.Helper()
	cheaply(t, name, body, func() error { _, err := mcp.ParseClient(body); return err })
}

func cheaply(t *testing.T, name string, body []byte, parse func() error) {
	t.Helper()
	best, allocated, stack := time.Hour, uint64(0), uint64(0)
	for try := 0; try < 5 || best > atOnce && try < 30; try++ { // what else runs on the machine slows some, not what is cheap
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var err error
		took := cputime.Of(t, func() { err = parse() })
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Fatalf("%s: accepted", name)
		}
		if took < best {
			best, allocated = took, after.TotalAlloc-before.TotalAlloc
			stack = max(after.StackInuse, before.StackInuse) - before.StackInuse
		}
	}
	if best > atOnce {
		t.Errorf("%s: refused after %v, want %v", name, best, atOnce)
	}
	// Other tests run beside this one; 4 MiB leave room for what they allocate.
	if limit := uint64(len(body)*amplification + 4<<20); allocated > limit {
		t.Errorf("%s: %d bytes of body cost %d bytes of memory", name, len(body), allocated)
	}
	if stack > 8<<20 {
		t.Errorf("%s: the stack grew by %d bytes", name, stack)
	}
}

// deep is a tool call whose message has exactly this depth: the arguments are
// the third level.
func (h *house) deep(depth int, opening, closing string) []byte {
	n := depth - 3
	return h.body(`"name":"up__echo","arguments":{"a":` + strings.Repeat(opening, n) + "0" + strings.Repeat(closing, n) + `}`)
}

func TestHTT21_Depth(t *testing.T) {
	t.Parallel()
	inEras(t, func(t *testing.T, h *house) {
		shapes := map[string][2]string{"arrays": {"[", "]"}, "objects": {`{"a":`, "}"}}
		for name, s := range shapes {
			if r := h.alice.Post(h.deep(64, s[0], s[1])); !r.OK() {
				t.Errorf("%s of depth 64: %s", name, r)
			}
			for _, depth := range []int{65, 100_000} {
				body := h.deep(depth, s[0], s[1])
				h.refused(notAllowed, func() *gatetest.Reply { return h.alice.Post(body) })
			}
		}
		alternating := h.body(`"name":"up__echo","arguments":{"a":` + strings.Repeat(`[{"a":`, 50_000) + "0" + strings.Repeat("}]", 50_000) + "}")
		h.refused(notAllowed, func() *gatetest.Reply { return h.alice.Post(alternating) })
		open := h.body(`"name":"up__echo","arguments":{"a":` + strings.Repeat("[", 1_000_000))
		h.refused(notAllowed, func() *gatetest.Reply { return h.alice.Post(open) })
		tooLong := refusal{http.StatusRequestEntityTooLarge, -32600, "message.too_large"}
		huge := h.deep(2_200_000, "[", "]") // more than 4 MiB; ten million are parsed below
		h.refused(tooLong, func() *gatetest.Reply { return h.alice.Post(huge) })
	})
}

func TestHTT21_DepthIsCheap(t *testing.T) {
	for _, depth := range []int{65, 100_000, 10_000_000} {
		for _, opening := range []string{"[", `{"a":`, `[{"a":`} {
			body := []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":` + strings.Repeat(opening, depth))
			cheap(t, fmt.Sprintf("%d of %s", depth, opening), body)
		}
	}
}

// zeros is a body of 4 MiB that is an array of zeros in a call.
func (h *house) zeros() []byte {
	room := 4<<20 - len(h.body(`"name":"up__echo","arguments":{"a":[]}`))
	return h.body(`"name":"up__echo","arguments":{"a":[` + strings.Repeat("0,", room/2-1) + `0]}`)
}

func keys(n int) string {
	var b []byte
	for i := range n {
		b = append(strconv.AppendInt(append(b, '"'), int64(i), 36), `":0,`...)
	}
	return string(b) + `"-":0`
}

func TestHTT25_Elements(t *testing.T) {
	t.Parallel()
	inEras(t, func(t *testing.T, h *house) {
		zeros := h.zeros()
		h.refused(notAllowed, func() *gatetest.Reply { return h.alice.Post(zeros) })
		many := h.body(`"name":"up__echo","arguments":{` + keys(300_000) + `}`)
		h.refused(notAllowed, func() *gatetest.Reply { return h.alice.Post(many) })
		few := h.body(`"name":"up__echo","arguments":{"a":[` + strings.Repeat("0,", 9_900) + `0]}`)
		if r := h.alice.Post(few); !r.OK() {
			t.Errorf("9,901 elements: %s", r)
		}
		// A bare array is a batch, and there is none outside 2025-03-26.
		bare := bytes.Repeat([]byte("0,"), 2<<20-2)
		bare = append(append([]byte("["), bare...), "0]"...)
		h.refused(batchTurned, func() *gatetest.Reply { return h.alice.Post(bare) })
	})
}

func TestHTT25_ElementsAreCheap(t *testing.T) {
	head := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{`
	cheap(t, "4 MiB of zeros", []byte(head+`"a":[`+strings.Repeat("0,", 2<<20)+`0]}}}`))
	cheap(t, "a million keys", []byte(head+keys(1_000_000)+`}}}`))
	batch := []byte("[" + strings.Repeat("0,", 2<<20) + "0]")
	cheaply(t, "a batch of two million", batch, func() error { _, err := mcp.Split(batch); return err })
}

func TestHTT25_Batches(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "2025-03-26")
	item := func(id int, tool string) string {
		return string(h.alice.Request(fmt.Sprint(id), "tools/call", `"name":"up__`+tool+`","arguments":{}`))
	}
	batch := func(n int) []byte {
		items := make([]string, n)
		for i := range items {
			items[i] = item(i, "echo")
		}
		return []byte("[" + strings.Join(items, ",") + "]")
	}
	before := h.up.Count("tools/call")
	if r := h.alice.Post(batch(100)); r.Status != http.StatusOK || bytes.Count(r.Body, []byte(`"result"`)) != 100 {
		t.Errorf("batch of 100: %s", r)
	}
	if n := h.up.Count("tools/call") - before; n != 100 {
		t.Errorf("batch of 100: %d calls reached the upstream", n)
	}
	h.refused(batchTurned, func() *gatetest.Reply { return h.alice.Post(batch(101)) })
	before = h.up.Count("tools/call")
	r := h.alice.Post([]byte("[" + item(1, "echo") + "," + item(2, "delete_all") + `,{"jsonrpc":"2.0","id":3,"method":"tools/call","method":"ping"}]`))
	got := string(r.Body)
	if r.Status != http.StatusOK || !strings.Contains(got, `"id":1,"result"`) || !strings.Contains(got, `"id":2,"error":{"code":4030`) ||
		!strings.Contains(got, `"id":3,"error":{"code":-32600`) {
		t.Errorf("batch of an allowed, a denied and a faulty item: %s", r)
	}
	if n := h.up.Count("tools/call") - before; n != 1 {
		t.Errorf("of an allowed and a denied item %d reached the upstream", n)
	}
	h.neighbour()
	for _, version := range []string{"2024-11-05", "2025-06-18", "2025-11-25", "2026-07-28"} {
		h.alice.Open(version)
		body := batch(2)
		h.refused(batchTurned, func() *gatetest.Reply { return h.alice.Post(body) })
	}
}

// A header that is too large or no header at all is turned away by the HTTP
// server, before there is an exchange: there is no principal yet and no record.
func TestHTT29_Headers(t *testing.T) {
	t.Parallel()
	inEras(t, func(t *testing.T, h *house) {
		body := h.body(`"name":"up__echo","arguments":{}`)
		request := func(extra string) []byte {
			var b bytes.Buffer
			fmt.Fprintf(&b, "POST /mcp HTTP/1.1\r\nHost: %s\r\n", h.Address())
			head := h.alice.Headers(body)
			if err := head.Write(&b); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "Content-Length: %d\r\n%s\r\n", len(body), extra)
			return append(b.Bytes(), body...)
		}
		if r := h.Raw(request("X-Fine: yes\r\n")); !r.OK() {
			t.Fatalf("an ordinary header: %s", r)
		}
		for _, tc := range []struct {
			name, extra string
			status      int
		}{
			{"1 MiB", "X-Large: " + strings.Repeat("x", 1<<20) + "\r\n", 431},
			{"10k headers", strings.Repeat("X-Many: 1\r\n", 10_000), 431},
			{"200 headers", strings.Repeat("X-Many: 1\r\n", 200), 431},
			{"200 names", numbered(200), 431},
			{"space in the name", "X Y: 1\r\n", 400},
			{"space before the colon", "Mcp-Name : up__delete_all\r\n", 400},
			{"no colon", "X-Nothing\r\n", 400},
			{"empty name", ": x\r\n", 400},
			{"NUL in the name", "X\x00Y: 1\r\n", 400},
			{"NUL in the value", "X-Y: 1\x002\r\n", 400},
			{"CR in the value", "X-Y: 1\rMcp-Name: up__delete_all\r\n", 400},
		} {
			before, records := h.up.Posts(), len(h.Exchanges())
			if r := h.Raw(request(tc.extra)); r.Status != tc.status {
				t.Errorf("%s: got %s, want %d", tc.name, r, tc.status)
			}
			if n := h.up.Posts() - before; n != 0 {
				t.Errorf("%s: U0: %d requests reached the upstream", tc.name, n)
			}
			if n := len(h.Exchanges()) - records; n != 0 {
				t.Errorf("%s: %d records of what is no exchange", tc.name, n)
			}
			h.neighbour()
		}
		h.t = t
		h.folded(request)
	})
}

// folded: a continuation line belongs to the value before it, with a space in
// its place, as RFC 9112 section 5.2 lets a server read it; it never becomes a
// header of its own. CR LF in a value is not one header but two.
func (h *house) folded(request func(string) []byte) {
	h.t.Helper()
	for _, fold := range []string{"X-Y: 1\r\n Mcp-Name: up__delete_all\r\n", "X-Y: 1\r\n\tAuthorization: Bearer x\r\n"} {
		if r := h.Raw(request(fold)); !r.OK() {
			h.t.Errorf("%q: %s", fold, r)
		}
	}
	if !h.alice.Stateless() {
		return
	}
	for _, more := range []string{"\r\n up__delete_all", "\r\n\tup__delete_all", "\r\nMcp-Name: up__delete_all"} {
		attack := bytes.Replace(request(""), []byte("Mcp-Name: up__echo\r\n"), []byte("Mcp-Name: up__echo"+more+"\r\n"), 1)
		h.refused(mismatch, func() *gatetest.Reply { return h.Raw(attack) })
	}
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "X-Many-%d: 1\r\n", i)
	}
	return b.String()
}
