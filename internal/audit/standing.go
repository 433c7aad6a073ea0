package audit

import (
	"bytes"
	"encoding/hex"
	"maps"
	"strconv"
	"strings"

	"doorward/internal/gate"
)

// Owed is how often a log says that something was put on a list which is kept beside
// it, in a file that nothing removes: what is more than 0 must be there. What failed
// does not count, and nothing before EventAccepted does.
type Owed struct {
	Incidents   uint64 // what was opened and suspended: incidents.json
	Revocations uint64 // subjects and tokens that were revoked: revoked.json
	Written     Generations
	Accepted    uint64 // losses that were accepted since EventInForce was last said
}

// Generations is how often each list was changed, by EventWritten: an older file is not
// what it was.
type Generations struct{ Incidents, Revocations, Keys, Alerts, Approvals uint64 }

// of is where the generation of a list is; nil: there is no such list.
func (g *Generations) of(list string) *uint64 {
	switch list {
	case ListIncidents:
		return &g.Incidents
	case ListRevocations:
		return &g.Revocations
	case ListKeys:
		return &g.Keys
	case ListAlerts:
		return &g.Alerts
	case ListApprovals:
		return &g.Approvals
	}
	return nil
}

// EventWritten says that a list was changed: its detail is the list's name and, in decimal,
// how often it was by then.
const EventWritten = "state.written"

// EventAccepted says that somebody accepted that a list is lost, or older than it was: its detail begins with
// the list's name.
const EventAccepted = "state.accept_loss"

// The names of the lists in EventAccepted and EventWritten.
const (
	ListIncidents   = "incidents"
	ListRevocations = "revocations"
	ListKeys        = "keys"
	ListAlerts      = "alerts"    // the index of those that wait; its loss needs no word of anybody
	ListApprovals   = "approvals" // where they are counted: in PostgreSQL
)

// EventInForce says that a gateway serves since losses were accepted: those who are told of
// alerts hear of them, whoever accepted them, and where nothing served then.
const EventInForce = "state.loss_in_force"

// standing is what a log says, up to some record, that holds until another says otherwise.
type standing struct {
	dead  map[SubjectID]bool // keys that were destroyed, since the mark
	holds map[string]bool    // legal holds that last, by their ids
	owed  Owed
	named map[SubjectID]bool // keys that records name; nil: nobody asks any more
	news  bool               // holds or what is owed are others than those of the mark

	dec decoder
	rec Record
}

func newStanding() *standing {
	return &standing{dead: map[SubjectID]bool{}, holds: map[string]bool{}, named: map[SubjectID]bool{}}
}

// tells tells whether a line may say anything that stands. A quote inside of a text is
// escaped, so the key is found nowhere else.
func tells(line []byte) bool {
	const key = `"event":"`
	at := bytes.Index(line, []byte(key))
	if at < 0 {
		return false
	}
	line = line[at+len(key):]
	for _, kind := range [...]string{"privacy.", "incident.", "identity.revoke", "state.", EventLoss} {
		if bytes.HasPrefix(line, []byte(kind)) {
			return true
		}
	}
	return false
}

// take takes note of a line, which follows those before it. Lines up to one number, and
// those after another, are known already or come later.
func (s *standing) take(line []byte, after, upTo uint64) {
	r := &s.rec
	s.name(line, after, upTo)
	if !tells(line) || s.dec.decode(line, r) != nil || r.Seq <= after || r.Seq > upTo {
		return
	}
	word, rest, _ := strings.Cut(r.Detail, " ")
	switch r.Event {
	case eventErase:
		if id, ok := r.Erased(); ok {
			s.dead[id] = true
		}
		return
	case EventHold, EventRelease:
		holding(s.holds, r.Event, r.Status, strings.Clone(word))
	case "incident.open", "incident.contain":
		counting(&s.owed.Incidents, r.Status)
	case "identity.revoke":
		counting(&s.owed.Revocations, r.Status)
	case EventLoss:
		if word == string(LostPersons) {
			clear(s.named)
		}
		counting(&s.owed.Accepted, r.Status)
	case EventAccepted:
		s.accepted(word, r.Status)
		counting(&s.owed.Accepted, r.Status)
	case EventInForce:
		s.owed.Accepted = 0
	case EventWritten:
		s.written(word, rest)
	default:
		return
	}
	s.news = true
}

// name takes note of the key that a line names, which stands there once.
func (s *standing) name(line []byte, after, upTo uint64) {
	const key = `"key":"`
	var id SubjectID
	at := bytes.Index(line, []byte(key))
	if s.named == nil || at < 0 || len(line) < at+len(key)+hex.EncodedLen(len(id)) {
		return
	}
	if _, err := hex.Decode(id[:], line[at+len(key):at+len(key)+hex.EncodedLen(len(id))]); err != nil || s.named[id] {
		return
	}
	if r := &s.rec; s.dec.decode(line, r) == nil && r.Seq > after && r.Seq <= upTo && r.Key == id {
		s.named[id] = true
	}
}

// counting counts an act that was begun, and takes back one that failed.
func counting(n *uint64, status string) {
	switch {
	case status != "failed":
		*n++
	case *n > 0:
		*n--
	}
}

// accepted forgets that a list must be there: its loss was accepted. Where that failed, it is
// not there either, and somebody has read that it was lost. How often it was changed stays,
// until the list that goes on is written: it counts as changed once more.
func (s *standing) accepted(list, status string) {
	switch {
	case status == "failed":
	case list == ListIncidents:
		s.owed.Incidents = 0
	case list == ListRevocations:
		s.owed.Revocations = 0
	}
}

// written takes note of how often a list was changed.
func (s *standing) written(list, generation string) {
	n, err := strconv.ParseUint(generation, 10, 64)
	if have := s.owed.Written.of(list); have != nil && err == nil {
		*have = max(*have, n)
	}
}

// holding takes note of what a record says of a hold: its detail begins with the id. One
// with the status failed takes back what the one before it began.
func holding(holds map[string]bool, event, status, id string) {
	if (event == EventHold) != (status == "failed") {
		holds[id] = true
	} else {
		delete(holds, id)
	}
}

// Holds are the legal holds that last by what is on record: their ids.
func (l *Log) Holds() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.holds)
}

// Owed is what the log said when it was opened.
func (l *Log) Owed() Owed { return l.owed }

// held keeps what an event says of a hold for Holds, which must not lag behind.
func (l *Log) held(ev *gate.Event) {
	if ev.Kind != EventHold && ev.Kind != EventRelease {
		return
	}
	id, _, _ := strings.Cut(ev.Detail, " ")
	l.mu.Lock()
	holding(l.holds, ev.Kind, ev.Status, id)
	l.mu.Unlock()
}
