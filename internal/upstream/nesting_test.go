package upstream

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
)

// asker plays calls of one client, by name.
type asker struct {
	n     nestings
	whose owner
	calls map[string]*origin
	works map[string]work
}

// play does what the words say in order: "+a" a call begins, "?a" it asks its client's model, "=a" its client
// answers the newest of those questions, "-a" the call ends. A name's first letter is its upstream. It tells which calls would be refused.
func (a *asker) play(t *testing.T, words string) (refused []string) {
	t.Helper()
	for word := range strings.FieldsSeq(words) {
		name := word[1:]
		at := a.works[name]
		switch word[0] {
		case '+':
			if deep, _ := a.n.tooDeep(a.whose, at, name[:1]); deep {
				refused = append(refused, name)
				continue
			}
			a.calls[name] = &origin{began: a.n.asked.Load()}
		case '?':
			if !a.n.ask(a.whose, a.calls[name], sampled{id: name, upstream: name[:1], work: at}) {
				t.Fatalf("no room for %s", word)
			}
		case '=':
			if _, ok := a.n.answered(a.whose, func(q *sampled) bool { return q.id == name }); !ok {
				t.Fatalf("%s: nothing is open", word)
			}
		case '-':
			a.n.over(a.whose, name)
		}
	}
	return refused
}

// RES-31: what is refused is a call that a chain of open questions led to, and never one beside them.
func TestRES31_AChainIsNoBreadth(t *testing.T) {
	t.Parallel()
	traces := map[string]work{}
	for i := range 9 {
		traces["a"+strconv.Itoa(i)] = work{trace: [16]byte{byte(i)}}
	}
	for _, tc := range []struct {
		name, words string
		works       map[string]work
		refused     []string
	}{
		{"the same tool again and again", "+a1 ?a1 +a2 ?a2 +a3 ?a3 +a4", nil, []string{"a4"}},
		{"two upstreams in turn", "+a1 ?a1 +b2 ?b2 +a3 ?a3 +b4 +a4", nil, []string{"b4", "a4"}},
		{"an upstream that asks nothing", "+a1 ?a1 +a2 ?a2 +a3 ?a3 +c4", nil, nil},
		{"the innermost is answered", "+a1 ?a1 +a2 ?a2 +a3 ?a3 =a3 +a4 ?a4 +a5", nil, []string{"a5"}},
		{"one after another", "+a1 ?a1 =a1 +a2 ?a2 =a2 +a3 ?a3 =a3 +a4 ?a4 =a4 +a5", nil, nil},
		{"a question whose call ended", "+a1 ?a1 +a2 ?a2 +a3 ?a3 -a1 -a2 -a3 +a4", nil, nil},
		{"two questions of each call", "+a1 ?a1 ?a1 +a2 ?a2 ?a2 +a3 ?a3 +a4", nil, []string{"a4"}},
		{"side by side within a question", "+a1 ?a1 +a2 +a3 +a4 +a5 ?a2 ?a3 ?a4 ?a5 +a6", nil, nil},
		{"six at once, and more later", "+a1 +a2 +a3 +a4 +a5 +a6 ?a1 ?a2 ?a3 ?a4 ?a5 ?a6 +a7 ?a7 +a8 ?a8 +a9", nil, nil},
		{"workers that take the next when they are done", "+a1 +a2 +a3 +a4 ?a1 ?a2 ?a3 ?a4 =a1 +a5 ?a5 =a2 +a6 ?a6 =a3 +a7 ?a7 =a4 +a8 ?a8 =a5 +a9", nil, nil},
		{"a chain beside another call", "+a1 +a2 ?a2 ?a1 +a3 ?a3 +a4 ?a4 +a5 ?a5 +a6 ?a6 +a7", nil, []string{"a7"}},
		{"eight agents that say what they are at", "+a1 ?a1 +a2 ?a2 +a3 ?a3 +a4 ?a4 +a5 ?a5 +a6 ?a6 +a7 ?a7 +a8", traces, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := &asker{whose: owner{ofPrincipal, "p"}, calls: map[string]*origin{}, works: tc.works}
			if got := a.play(t, tc.words); !slices.Equal(got, tc.refused) {
				t.Errorf("refused %q, want %q", got, tc.refused)
			}
		})
	}
}

// RES-31: nothing of an owner's questions is another's, and nothing is left of what is over.
func TestRES31_OwnersApart(t *testing.T) {
	t.Parallel()
	a := &asker{whose: owner{ofSession, "one"}, calls: map[string]*origin{}}
	a.play(t, "+a1 ?a1 +a2 ?a2 +a3 ?a3")
	if deep, _ := a.n.tooDeep(owner{ofSession, "two"}, work{}, "a"); deep {
		t.Error("another session's questions count")
	}
	if deep, _ := a.n.tooDeep(a.whose, work{from: netip.MustParseAddr("192.0.2.1")}, "a"); deep {
		t.Error("another client's questions count")
	}
	a.play(t, "=a3 -a2 =a1")
	if a.n.some.Load() != 0 || len(a.n.of) != 0 {
		t.Errorf("%d questions and %d owners are left", a.n.some.Load(), len(a.n.of))
	}
}

// RES-31: what is known is bounded, and what no client comes back to is forgotten.
func TestRES31_Bounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n nestings
		ask := func(whose string, i int) bool {
			return n.ask(owner{ofPrincipal, whose}, &origin{began: n.asked.Load()}, sampled{id: strconv.Itoa(i), upstream: "a", expiry: time.Now().Add(sampledWait)})
		}
		for i := range 10 * maxSampled {
			if !ask("p", i) {
				t.Fatal("no room for an owner's question")
			}
		}
		if got := n.some.Load(); got != maxSampled {
			t.Errorf("%d questions of one owner are known, want %d", got, maxSampled)
		}
		if deep, wait := n.tooDeep(owner{ofPrincipal, "p"}, work{}, "a"); !deep || wait <= 0 || wait > sampledWait {
			t.Errorf("a chain of %d: refused %v, for %s", maxSampled, deep, wait)
		}
		for i := range maxSamplers - 1 {
			if !ask(fmt.Sprint("q", i), 0) {
				t.Fatal("no room for an owner")
			}
		}
		if ask("one more", 0) {
			t.Error("there is room without a bound")
		}
		time.Sleep(sampledWait + time.Second)
		if !ask("one more", 0) {
			t.Error("what has expired takes room")
		}
		if deep, _ := n.tooDeep(owner{ofPrincipal, "p"}, work{}, "a"); deep {
			t.Error("what has expired counts")
		}
		n.expire(time.Now().Add(sampledWait + time.Second))
		if n.some.Load() != 0 || len(n.of) != 0 {
			t.Errorf("%d questions and %d owners are left", n.some.Load(), len(n.of))
		}
	})
}

// RES-31: a question on a stream that names no call is the oldest call's that does not ask, else the newest's,
// and of none where none is under way.
func TestRES31_QuestionsThatNameNoCall(t *testing.T) {
	t.Parallel()
	var n nestings
	session := owner{ofSession, "one"}
	f := inflight{open: map[callKey]underway{}}
	begin := func(id string, began uint64) *calling {
		k := &calling{ex: &gate.Exchange{Target: gate.Target{Upstream: "up"}}, origin: origin{began: began}}
		f.open[callKey{session, id}] = underway{call: k}
		return k
	}
	f.open[callKey{session, "a list"}] = underway{}
	younger, older := begin("1", 1), begin("2", 0)
	if got := f.asker(session, "up", &n); got != &older.origin {
		t.Error("it is taken for the younger call's")
	}
	n.ask(session, &older.origin, sampled{id: "q", upstream: "up"})
	if got := f.asker(session, "up", &n); got != &younger.origin {
		t.Error("it is not taken for that of the call that does not ask")
	}
	n.ask(session, &younger.origin, sampled{id: "r", upstream: "up"})
	if got := f.asker(session, "up", &n); got != &younger.origin {
		t.Error("it is not taken for one more of the newest call that asks")
	}
	if f.asker(session, "other", &n) != nil || f.asker(owner{ofSession, "other"}, "up", &n) != nil {
		t.Error("it is taken for a call's at another upstream, or of another session")
	}
}

// RES-31: a question that names no call and comes just as the call ends is not left open for that.
func TestRES31_AQuestionAsItsCallEnds(t *testing.T) {
	t.Parallel()
	p := &Pool{}
	p.calls.open, p.nestings.of, p.asks.nestings = map[callKey]underway{}, map[owner]*nest{}, &p.nestings
	c := &channel{srv: &server{pool: p}, session: &gate.Session{ID: "one"}}
	c.srv.set.Name = "up"
	note := func() {
		if _, ok := c.noteAsk(&ask{upstream: "up", method: methodSampling}); !ok {
			t.Error("there is no room for a question")
		}
	}
	key := callKey{ownerOfSession(c.session), "1"}
	began := func() *calling {
		k := &calling{ex: &gate.Exchange{Target: gate.Target{Upstream: "up"}, Call: gate.Call{Session: c.session}}}
		p.calls.open[key] = underway{call: k}
		return k
	}
	k := began()
	if note(); p.nestings.some.Load() != 1 {
		t.Error("the question is not its call's")
	}
	p.left(key, k)
	for range 20 {
		k := began()
		var both sync.WaitGroup
		p.asks.mu.Lock()
		both.Go(note)
		for late := time.Now().Add(time.Minute); p.calls.mu.TryLock(); { // it has not looked for its call
			p.calls.mu.Unlock()
			if time.Now().After(late) {
				p.asks.mu.Unlock()
				both.Wait()
				t.Fatal("a question does not look for its call")
			}
			runtime.Gosched()
		}
		both.Go(func() { p.left(key, k) })
		for range 1000 {
			runtime.Gosched()
		}
		p.asks.mu.Unlock()
		both.Wait()
		if got := p.nestings.some.Load(); got != 0 || len(p.nestings.of) != 0 {
			t.Fatalf("%d questions are open after their calls", got)
		}
		p.asks.dropSession("one")
	}
}
