package upstream

import (
	"context"
	"testing"
)

// kept is a link that keeps what is sent.
type kept struct {
	link
	sent answered
}

func (*kept) done() <-chan struct{} { return nil }

func (l *kept) send(ctx context.Context, raw []byte) error { return l.sent.send(ctx, raw) }

// A pool that is closing begins nothing for the sake of a question: nobody would wait for it.
func TestDisownWhileClosing(t *testing.T) {
	t.Parallel()
	for _, closing := range []bool{false, true} {
		p, l := &Pool{}, &kept{}
		p.closed.Store(closing)
		k := &parked{channel: &channel{srv: &server{pool: p}}, conn: &conn{link: l}}
		k.disown([][]byte{[]byte(`"q"`)})
		p.wg.Wait()
		if got := len(l.sent) == 1; got == closing {
			t.Errorf("closing %v: the question is answered: %v", closing, got)
		}
	}
}
