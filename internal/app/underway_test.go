package app

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"doorward/internal/gate"
)

// tallied is a forwarder that counts.
type tallied struct{ calls int }

func (f *tallied) Forward(context.Context, *gate.Exchange, gate.Emit) error {
	f.calls++
	return nil
}

// A call that waited for people while the list was lost is not carried out: what was
// suspended meanwhile is unknown.
func TestNothingIsForwardedWhileWhatIsSuspendedIsUnknown(t *testing.T) {
	t.Parallel()
	up := &tallied{}
	f := stoppable{forwards{local: up, upstream: up}, &App{}}
	ex := &gate.Exchange{Inbound: gate.Inbound{Remote: netip.MustParseAddr("192.0.2.1")}}
	ex.Call.Route.Action = gate.Relay
	err := f.Forward(t.Context(), ex, nil)
	var why *gate.Error
	if !errors.As(err, &why) || why.Code != gate.CodeContainedDown || up.calls != 0 {
		t.Errorf("%d calls went on, %v", up.calls, err)
	}
}
