package audit

import (
	"net/netip"
	"time"

	"doorward/internal/gate"
)

// The kinds of record.
const (
	KindIntent  = "intent"  // a call is about to go upstream
	KindOutcome = "outcome" // how an exchange ended
	KindEvent   = "event"   // what is no exchange (gate.Event)
	KindStart   = "start"   // a process or a segment begins
)

// Format is the version of the record format, in each start record. Readers
// refuse a key that they do not know, so any new key raises it; they read every
// earlier version, for a log goes on when Doorward is replaced by a newer one.
// Version 2 has "unavailable"; version 3 "request" and the principal's "client"
// and "issuer"; version 4 "approval", "observed", "plain", "policy", "role",
// "rule", "sealed", and the principal's "groups", "roles" and "scopes"; version 5
// "findings"; version 6 "signer", checkpoints of a Merkle tree, "key" and "person",
// and arguments that a key of the data subject's own seals; version 7 "fields",
// "parent_span", "span", "stages_us", "trace" and the principal's "act"; version 8
// "weaker"; version 9 "cached".
const Format = 9

// Bounds of what one record holds, in bytes before escaping. A longer text is
// cut and ends in "…". With every field at its bound and every byte escaped the
// line stays below maxLine.
const (
	maxShort     = 128  // names that Doorward or its configuration gives
	maxText      = 512  // reason, detail, agent, subject, rule
	maxItem      = 1024 // a tool's name or a resource's URI
	maxName      = 64   // an upstream's name in a list of them (config allows no longer one)
	maxNames     = 32   // names in a list
	maxSeen      = 8    // texts of what rules in observe mode would have refused, and of findings
	maxSeenText  = 256
	maxActors    = gate.MaxActors
	maxActor     = 256      // each name of an actor
	maxArguments = 32 << 10 // of a call; longer ones are not kept
	maxNumber    = 1<<53 - 1
	maxLine      = 512 << 10 // with its newline
)

// Principal is who acted, as the record has it.
type Principal struct {
	Method, Subject, Tenant string
	Issuer                  string // of the token; empty for other methods
	Client                  string // OAuth client_id that the token was issued to
	Credential              string // public id of the credential
}

// Record is one line of the log. A zero field is absent from the line.
type Record struct {
	Seq  uint64 // position in the log, from 1, without gaps
	Time time.Time
	Kind string // one of the Kind constants

	Event  string // for an event its kind; for a start "process" or "segment"
	Actor  string // who did it, for an event
	Detail string // for an event
	Format int    // for a start
	Origin string // for a start: the log's name in checkpoints
	Signer string // for a start: the public key that signs them, as the note package has it

	Exchange  string
	Request   string // id that a trusted proxy gave the request
	Era       string
	Transport string
	Profile   string
	Session   [16]byte // first half of the SHA-256 of the session id
	Remote    netip.Addr
	Agent     string
	Principal Principal
	// Groups, Roles and Scopes are the principal's, sorted; of more than 32 the
	// first 32 and "…". They are in its object in the line. The outcome of an
	// exchange that had an intent leaves them out.
	Groups, Roles, Scopes []string
	// Act is who acted for the principal, the one who called first; in its object in
	// the line, or sealed in Person. The outcome of an exchange that had an intent
	// leaves it out, and Span and Parent.
	Act []gate.Actor

	Trace  [16]byte // W3C Trace Context; the same in all records of an exchange
	Span   [8]byte  // of the exchange
	Parent [8]byte  // of the client

	Method   string
	ID       string // the message id's token, cut at 128 bytes
	Upstream string
	// Unavailable are the upstreams that a list was made without, sorted; of more
	// than 32 the first 32 and "…".
	Unavailable []string
	// Weaker are the layers that what confines the upstream's command may lack, because
	// the configuration says so; "sandbox" is all of them. Sorted; of more than 8 the
	// first 8 and "…".
	Weaker    []string
	ItemKind  string
	Item      string // tool, prompt, resource
	Pin       gate.Digest
	Arguments [32]byte // HMAC-SHA256 of the params' bytes with the installation's key
	// Sealed and Plain are the exact bytes of a call's arguments, as the Arguments
	// of the Config have it; both nil when they are not kept. A Keyring opens them.
	Sealed []byte
	Plain  []byte // empty and not nil: the call had none
	// Fields are the arguments that are kept by a rule of their own, sorted by Path.
	Fields []Kept

	Policy   string   // version of the policy that decided
	Role     string   // whose rule let it pass
	Rule     string   // that let it pass: its path in the configuration, ": ", its text
	Observed []string // what rules in observe mode would have refused; of more than 8 the first 8 and "…"
	// Findings are what detectors saw in the arguments and the result: rule, severity
	// and where, nothing of the text; of more than 8 the first 8 and "…".
	Findings []string
	Approval string // id of the approval that a held call waits for, or that let this one pass

	// Cached is the exchange whose answer, kept since, this one was given in the upstream's
	// place; outcomes only.
	Cached string
	Effect string // "deny", "continue", "hold"; outcomes only
	Code   string
	Stage  string
	Reason string
	Status string // "ok", "error", "refused", "failed"

	Duration      time.Duration    // of the exchange, in whole microseconds
	UpstreamTime  time.Duration    // of that in the upstream, in whole microseconds
	Stages        []gate.StageTime // of each stage that took a microsecond and more, sorted by name
	BytesIn       int64
	BytesOut      int64
	Notifications int64
	Asks          int64

	// Key names the key of the person that the record is about, and Person is what it
	// sealed of the principal: subject, address and agent, which are then absent. A
	// Keyring opens it.
	Key    SubjectID
	Person []byte

	Prev [32]byte // SHA-256 of the line before, without its newline
}

// ParseRecord reads a record's line, as AppendJSON writes it.
func ParseRecord(line []byte) (Record, error) {
	var d decoder
	var r Record
	err := d.decode(line, &r)
	return r, err
}

// AppendJSON appends the record's line, without a newline: the very bytes that
// are in the log for a record that was read from it.
func (r *Record) AppendJSON(dst []byte) []byte {
	dst, _ = appendRecord(dst, r)
	return dst
}
