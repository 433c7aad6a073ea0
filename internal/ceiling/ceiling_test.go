package ceiling_test

import (
	"fmt"
	"sync"
	"testing"

	"doorward/internal/ceiling"
)

// As many messages as there may be enter, and the next when one has left.
func TestMessages(t *testing.T) {
	c := ceiling.New(ceiling.Most{Messages: 2, Bytes: 100})
	var a, b, over ceiling.Holding
	if !c.Enter(&a) || !c.Enter(&b) {
		t.Fatal("there is no room for two")
	}
	if c.Enter(&over) {
		t.Error("a third entered")
	}
	over.Leave()
	if got := c.Held(); got.Messages != 2 || c.Refused() != 1 {
		t.Errorf("%+v are held and %d were refused", got, c.Refused())
	}
	a.Leave()
	a.Leave()
	if !c.Enter(&over) {
		t.Error("none enters after one has left")
	}
	c.Resize(ceiling.Most{Messages: 3, Bytes: 100})
	if !c.Enter(&a) {
		t.Error("none enters after there may be more")
	}
	for _, h := range []*ceiling.Holding{&a, &b, &over} {
		h.Leave()
	}
	if got := c.Held(); got != (ceiling.Most{}) {
		t.Errorf("%+v are held when all have left", got)
	}
}

// Requests take three quarters of the bytes, and answers all of them.
func TestBytes(t *testing.T) {
	c := ceiling.New(ceiling.Most{Messages: 10, Bytes: 100})
	var request, answer ceiling.Holding
	if !c.Enter(&request) || !request.Grow(75) {
		t.Fatal("there is no room for three quarters")
	}
	if request.Grow(1) {
		t.Error("a request took what is for answers")
	}
	c.Begin(&answer, "keys", "", "alice")
	if !answer.Grow(25) || answer.Grow(1) || answer.Bytes() != 25 {
		t.Errorf("an answer holds %d bytes", answer.Bytes())
	}
	request.Leave()
	answer.Leave()
	if got := c.Held(); got != (ceiling.Most{}) || c.Refused() != 2 {
		t.Errorf("%+v are held when all have left; %d were refused", got, c.Refused())
	}
}

// One principal has half of the messages and of the bytes, whether of bodies or answers; others have theirs.
func TestTEN08_OnePrincipalHasHalf(t *testing.T) {
	enter := func(c *ceiling.Ceiling, who string) (*ceiling.Holding, bool) {
		h := &ceiling.Holding{}
		return h, c.Enter(h) && h.Belongs("keys", "", who)
	}
	c := ceiling.New(ceiling.Most{Messages: 10, Bytes: 100})
	for n := range 5 {
		if _, ok := enter(c, "flood"); !ok {
			t.Fatalf("message %d is refused", n)
		}
	}
	over, ok := enter(c, "flood")
	if ok {
		t.Error("a sixth message of ten is the same principal's")
	}
	over.Leave()
	if _, ok := enter(c, "neighbour"); !ok {
		t.Error("a neighbour is refused")
	}

	c = ceiling.New(ceiling.Most{Messages: 10, Bytes: 100})
	heavy, _ := enter(c, "flood")
	if heavy.Grow(38) || !heavy.Grow(37) {
		t.Error("bodies of one principal do not have three quarters of its half")
	}
	if h, ok := enter(c, "flood"); !ok || h.Grow(1) {
		t.Error("another message of one principal's takes more than its half has for bodies")
	}
	var answer, more ceiling.Holding
	c.Begin(&answer, "keys", "", "flood")
	c.Begin(&more, "keys", "", "flood")
	if !answer.Grow(13) || more.Grow(1) {
		t.Error("answers of one principal do not have the rest of its half")
	}
	if h, ok := enter(c, "neighbour"); !ok || !h.Grow(25) {
		t.Error("a neighbour is refused")
	}
	answer.Leave()
	if !more.Grow(13) {
		t.Error("what an answer held is not given back")
	}
}

// A message that waits counts as none, and its bytes stay.
func TestIdle(t *testing.T) {
	c := ceiling.New(ceiling.Most{Messages: 1, Bytes: 100})
	var waits, next ceiling.Holding
	if !c.Enter(&waits) || !waits.Belongs("keys", "", "alice") || !waits.Grow(30) {
		t.Fatal("there is no room for one")
	}
	waits.Idle()
	waits.Idle()
	if got := c.Held(); got != (ceiling.Most{Bytes: 30}) {
		t.Errorf("%+v are held for a message that waits", got)
	}
	if !c.Enter(&next) || !next.Belongs("keys", "", "alice") || next.Grow(8) {
		t.Error("beside one that waits there is not room for another, or for more bytes than there may be")
	}
	waits.Leave()
	next.Leave()
	if got := c.Held(); got != (ceiling.Most{}) {
		t.Errorf("%+v are held when all have left", got)
	}
}

// Where there is no room a small message has a place beside it, of which there are few, and one principal
// has half.
func TestReserve(t *testing.T) {
	c := ceiling.New(ceiling.Most{Messages: 2, Bytes: 100})
	var a, b, large ceiling.Holding
	if !c.Enter(&a) || !a.Belongs("keys", "", "flood") || !a.Grow(37) || !c.Enter(&b) {
		t.Fatal("there is no room")
	}
	if c.Enter(&large) {
		t.Error("one that is not small entered")
	}
	small := make([]ceiling.Holding, 16)
	for n := range small {
		h := &small[n]
		h.Small()
		if !c.Enter(h) || !h.Spare() {
			t.Fatalf("small message %d is refused", n)
		}
		if got, want := h.Belongs("keys", "", "flood"), n < 8; got != want {
			t.Errorf("small message %d of one principal: %v", n, got)
		}
	}
	if !small[0].Grow(ceiling.Small) || small[0].Grow(1) {
		t.Error("a place of the reserve is not for as much as a small message")
	}
	over := ceiling.Holding{}
	over.Small()
	if c.Enter(&over) {
		t.Error("the reserve has no end")
	}
	for n := range small {
		small[n].Leave()
	}
	b.Leave()
	over = ceiling.Holding{}
	over.Small()
	if !c.Enter(&over) || over.Spare() || !over.Belongs("keys", "", "flood") || !over.Spare() || !over.Grow(70) {
		t.Error("a small message of a principal over its half is refused")
	}
	over.Refuse()
	over = ceiling.Holding{}
	over.Small()
	if !c.Enter(&over) || !over.Belongs("keys", "", "other") || !over.Grow(38) || !over.Spare() {
		t.Error("a small message is refused for which there are no bytes")
	}
	over.Leave()
	a.Leave()
	if got := c.Held(); got != (ceiling.Most{}) {
		t.Errorf("%+v are held when all have left", got)
	}
}

// Whatever happens at once, nothing is left of it.
func TestTogether(t *testing.T) {
	c := ceiling.New(ceiling.Most{Messages: 8, Bytes: 1000})
	var all sync.WaitGroup
	for n := range 16 {
		all.Go(func() {
			for range 500 {
				var h ceiling.Holding
				if c.Enter(&h) && h.Belongs("keys", "", fmt.Sprint(n%3)) {
					h.Grow(300)
				}
				h.Leave()
			}
		})
	}
	all.Wait()
	if got := c.Held(); got != (ceiling.Most{}) {
		t.Errorf("%+v are held when all have left", got)
	}
	var flood, neighbour ceiling.Holding
	if !c.Enter(&flood) || !flood.Belongs("keys", "", "0") || !c.Enter(&neighbour) || !neighbour.Belongs("keys", "", "1") {
		t.Error("a share was lost")
	}
}

// Nothing is bounded without a ceiling.
func TestNone(t *testing.T) {
	var c *ceiling.Ceiling
	var h ceiling.Holding
	if !c.Enter(&h) || !h.Belongs("", "", "x") || !h.Grow(1<<40) {
		t.Error("nil refuses")
	}
	h.Leave()
}

func TestAllocatesNothing(t *testing.T) {
	c := ceiling.New(ceiling.Most{Messages: 8, Bytes: 1000})
	if n := testing.AllocsPerRun(100, func() { message(c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func message(c *ceiling.Ceiling) {
	var h ceiling.Holding
	if c.Enter(&h) && h.Belongs("keys", "", "alice") {
		h.Grow(300)
	}
	h.Leave()
}

func BenchmarkMessage(b *testing.B) {
	c := ceiling.New(ceiling.Most{Messages: 8, Bytes: 1000})
	for b.Loop() {
		message(c)
	}
}
