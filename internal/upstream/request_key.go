package upstream

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"doorward/internal/gate"
)

// requestPrefix begins a value of Settings.Env that names no secret: the rest is
// the header in which each client brings a key of its own.
const requestPrefix = "request:"

// errOwnKey is a call without the key that its client has to bring, or one whose
// key the upstream does not take.
var errOwnKey = errors.New("the client's own key")

// requestHeader is the canonical name of the header that a value of Settings.Env
// stands for; empty for a secret.
func requestHeader(value string) string {
	name, ok := strings.CutPrefix(value, requestPrefix)
	if !ok {
		return ""
	}
	return http.CanonicalHeaderKey(name)
}

// ownKeys are the headers in which the clients of an upstream bring keys of their
// own, sorted: that of its credential and those of its variables.
func (s Settings) ownKeys() (names []string) {
	if s.Credential.Request != "" {
		names = append(names, s.Credential.Request)
	}
	for _, value := range s.Env {
		if name := requestHeader(value); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkKeys refuses settings with which a client's own key would go further than
// to its own calls, or nowhere.
func (s Settings) checkKeys(u *url.URL) error {
	c := s.Credential
	switch {
	case c.Request == "":
	case s.URL == "" || c.Header == "" || c.Secret != "":
		return fmt.Errorf("upstream %s: clients' own keys are for the header of a url, and take no secret beside them", s.Name)
	case c.Request != http.CanonicalHeaderKey(c.Request):
		return fmt.Errorf("upstream %s: %s is not the canonical name of a header", s.Name, c.Request)
	case s.Transport == transportWebSocket:
		return fmt.Errorf("upstream %s: a WebSocket has no headers for each message, and cannot carry clients' own keys", s.Name)
	case s.Shared:
		return fmt.Errorf("upstream %s: a session that all principals share must not have their own keys", s.Name)
	case u.User != nil && http.CanonicalHeaderKey(c.Header) == "Authorization":
		return fmt.Errorf("upstream %s: the user in the url and the clients' own keys are the same header", s.Name)
	}
	if err := s.checkLeases(); err != nil {
		return err
	}
	if s.PerCall && (len(s.Command) == 0 || s.Shared) {
		return fmt.Errorf("upstream %s: a process for each call is for a command that is not shared", s.Name)
	}
	for _, variable := range slices.Sorted(maps.Keys(s.Env)) {
		switch value := s.Env[variable]; {
		case !strings.HasPrefix(value, requestPrefix):
		case !s.PerCall:
			return fmt.Errorf("upstream %s: variable %s can be a client's own key only where each call has a process", s.Name, variable)
		case requestHeader(value) == "":
			return fmt.Errorf("upstream %s: variable %s names no header", s.Name, variable)
		}
	}
	return nil
}

// startsWithKeys tells whether each process is started with what is for the call alone that it
// serves: keys of its client, or secrets that are made for it.
func (s *server) startsWithKeys() bool {
	return s.set.PerCall && (len(s.ownKeys) > 0 || len(s.set.leased()) > 0)
}

// admits refuses a call that this upstream cannot be sent at all.
func (s *server) admits(ex *gate.Exchange) error {
	if err := s.perCall(ex); err != nil {
		return err
	}
	return s.brought(ex)
}

// brought refuses a call whose client did not bring a key that the call takes, or
// one that no header can hold. Nothing else ever stands in for it. What uses
// nothing that the upstream offers may go without, to a URL; no process is started
// for a call without.
func (s *server) brought(ex *gate.Exchange) error {
	r := &ex.Call.Route
	takes := r.Action == gate.Relay && (s.startsWithKeys() || r.Mirror != "" && !r.Task)
	for _, name := range s.ownKeys {
		key, there := ex.Inbound.Keys[name]
		switch {
		case !there && takes:
			return s.keyFault(name, errors.New("it is missing"), "send your own key in "+name)
		case there:
			if _, err := key.Header(); err != nil {
				return s.keyFault(name, err, "the key in "+name+" is empty, or is nothing that a header can hold: send your own key")
			}
		}
	}
	return nil
}

func (s *server) keyFault(header string, err error, public string) error {
	return &gate.Error{Code: gate.CodeRequestKey, Op: "calling upstream " + s.set.Name, Err: fmt.Errorf("%w in %s: %w", errOwnKey, header, err), Public: public}
}

// ownKey is the key that goes with the requests that carry the exchange's message,
// zero for none.
func (s *server) ownKey(ex *gate.Exchange) gate.Secret {
	if s.set.Credential.Request == "" {
		return gate.Secret{}
	}
	return ex.Inbound.Keys[s.set.Credential.Request]
}

// startKeys are the keys that a process is started with for a call, by their
// headers; nil for none.
func (s *server) startKeys(ex *gate.Exchange) map[string]gate.Secret {
	if !s.startsWithKeys() {
		return nil
	}
	keys := make(map[string]gate.Secret, len(s.ownKeys))
	for _, name := range s.ownKeys {
		keys[name] = ex.Inbound.Keys[name]
	}
	return keys
}

// keyMark is a mark of the keys that a process is started with, from which they
// cannot be told: a call that goes on later must come with the same ones. It is
// zero where there are none.
func (s *server) keyMark(ex *gate.Exchange) (mark [sha256.Size]byte) {
	if !s.startsWithKeys() {
		return mark
	}
	return s.markOf(ex, "doorward start keys")
}

// markOf is a mark of the keys that the exchange's client brought for the upstream, by what it
// is used for.
func (s *server) markOf(ex *gate.Exchange, use string) (mark [sha256.Size]byte) {
	h := hmac.New(sha256.New, s.pool.cfg.StateKey[:])
	h.Write([]byte(use))
	for _, name := range s.ownKeys {
		key := ex.Inbound.Keys[name].Reveal()
		h.Write(append(binary.BigEndian.AppendUint64(nil, uint64(len(key))), key...))
	}
	h.Sum(mark[:0])
	return mark
}

// carry makes o the call's request. The client's own key goes with it, and to a server of
// Doorward's own that goes by them the principal's roles, or a mark of it.
func (k *calling) carry(c *channel, o *outgoing) {
	o.cancel = k.cancel
	o.own = c.srv.ownKey(k.ex)
	o.keyed = o.own != gate.Secret{}
	if c.srv.set.Roles {
		o.roles = k.ex.Principal.Roles
	}
	if len(c.srv.set.Runs) > 0 {
		sum := sha256.Sum256([]byte(k.ex.Principal.Key()))
		o.caller = hex.EncodeToString(sum[:])
	}
	k.o, k.sent = o, time.Now()
}

// spend gives the key out for the one HTTP request that it goes with: what is
// known of a parked call outlasts the exchange that brought it.
func (o *outgoing) spend() gate.Secret {
	own := o.own
	o.own = gate.Secret{}
	return own
}

// quotedError is an error that quotes an upstream, without the keys that the
// upstream was sent.
type quotedError struct {
	text string
	err  error
}

func (e *quotedError) Error() string { return e.text }

// Unwrap returns the error itself, for its kind.
func (e *quotedError) Unwrap() error { return e.err }

// without is err without a text that must not be told, as it stands or quoted.
func without(err error, secret string) error {
	if err == nil || secret == "" {
		return err
	}
	said := err.Error()
	quoted := strconv.Quote(secret)
	text := strings.ReplaceAll(said, secret, "[secret]")
	if text = strings.ReplaceAll(text, quoted[1:len(quoted)-1], "[secret]"); text == said {
		return err
	}
	return &quotedError{text, err}
}

// quiet is err without the exchange's own keys: an upstream may have put them
// where an error quotes it.
func (s *server) quiet(ex *gate.Exchange, err error) error {
	for _, name := range s.ownKeys {
		err = without(err, ex.Inbound.Keys[name].Reveal())
	}
	return err
}

// unquoted is what a log says of a message that cannot be read. Of an upstream that
// is sent its clients' own keys it quotes nothing.
func unquoted(mute bool, err error) error {
	if mute && err != nil {
		return errProtocol
	}
	return err
}
