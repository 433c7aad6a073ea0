package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"doorward/internal/gate"
	"doorward/internal/monitor"
)

// The kinds of receivers.
const (
	KindWebhook = "webhook"
	KindSlack   = "slack"
	KindEmail   = "email"
	KindExec    = "exec"
)

// Receiver takes alerts.
type Receiver interface {
	// Place is which receiver it is.
	Place() Place
	// Send tries once. An error repeats nothing that the receiver said.
	Send(context.Context, *monitor.Alert) error
}

// Place is where a receiver is.
type Place struct {
	Kind string
	Name string // for people: no secret, nor a path that may be one
	At   string // all of where it is; two receivers differ in it
}

// key names the place in the spool, without telling it.
func (p Place) key() string {
	sum := sha256.Sum256([]byte(p.Kind + "\n" + p.At))
	return hex.EncodeToString(sum[:8])
}

// Post sends a body under an id, signed where the receiver wants it (webhook.Target).
type Post func(ctx context.Context, id string, body []byte) error

// outer is an alert as it is sent to programs.
type outer struct {
	Type      string    `json:"type"`
	ID        string    `json:"id"`
	Timestamp time.Time `json:"timestamp"`
	Data      message   `json:"data"`
}

// message is an alert with visible texts, and its line for people.
type message struct {
	monitor.Alert
	Text string `json:"text"`
}

// typeOf is the type of every notice about an alert.
const typeOf = "alert.raised"

// body is an alert in JSON.
func body(a *monitor.Alert) ([]byte, error) {
	return json.Marshal(outer{Type: typeOf, ID: a.ID, Timestamp: a.Last.UTC(), Data: message{Alert: visible(a), Text: a.Text()}})
}

// visible is an alert in which no name can hide what it says or look like another.
func visible(a *monitor.Alert) monitor.Alert {
	out := *a
	for _, s := range [...]*string{
		&out.Subject.Value, &out.Subject.Realm, &out.Subject.Tenant, &out.Credential, &out.Address, &out.Upstream, &out.Tool, &out.Code, &out.Event,
	} {
		*s = gate.Visible(*s)
	}
	out.Exchanges = slices.Clone(out.Exchanges)
	for i, id := range out.Exchanges {
		out.Exchanges[i] = gate.Visible(id)
	}
	return out
}
