package load

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"doorward/internal/loopback"
)

// Bounds of a run.
const (
	MaxClients  = 10_000
	maxRate     = 1e6 // operations a second
	maxFor      = 24 * time.Hour
	maxTimeout  = 10 * time.Minute // the longest that a histogram counts
	maxWeight   = 1000
	maxArgument = 1 << 20 // bytes
)

// Era is how clients speak: the version of the protocol that they ask for.
type Era string

// The newest version of each era.
const (
	Stateful  Era = "2025-11-25"
	Stateless Era = "2026-07-28"
)

func (e Era) String() string {
	if e == Stateless {
		return "stateless"
	}
	return "stateful"
}

// The operations of a mix.
const (
	Call    = "call"    // tools/call of one tool
	List    = "list"    // tools/list, its first page
	Ping    = "ping"    // ping, or server/discover where there is no ping any more
	Session = "session" // a session that is made and ended; server/discover where there are none
)

// Operations are all that a mix may have.
//
//nolint:gochecknoglobals // a table; read-only
var Operations = []string{Call, List, Ping, Session}

// Share is one operation of a mix and how often it comes, in parts of all weights.
type Share struct {
	Operation string
	Weight    int
}

// Options say what to do to which server.
type Options struct {
	URL        string         // of the MCP endpoint
	Credential string         // as a client has it, without "Bearer"; empty: none
	Roots      *x509.CertPool // that certificates are verified by; nil: the system's
	Anywhere   bool           // the server may be another machine's
	Clients    int            // 1 to MaxClients; each has one request under way at most
	For        time.Duration  // what is measured; nothing new is begun after it
	WarmUp     time.Duration  // before that, not measured
	Rate       float64        // operations a second of all clients together; 0: as fast as answers come
	Timeout    time.Duration  // of one operation
	Eras       []Era          // clients take turns
	Mix        []Share
	Tool       string          // that Call calls
	Arguments  json.RawMessage // for it, an object
	Version    string          // of this program, for clientInfo
	Progress   func(Progress)  // is told every second; nil: nobody
}

// ErrUsage marks options that no run can be made of.
var ErrUsage = errors.New("")

func usage(format string, args ...any) error {
	return fmt.Errorf("%w"+format, append([]any{ErrUsage}, args...)...)
}

// check refuses what no run can be made of, and says how to write it.
func (o *Options) check() (*url.URL, error) {
	at, err := url.Parse(o.URL)
	switch {
	case err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" || at.User != nil || at.Fragment != "":
		return nil, usage("the URL must be like http://127.0.0.1:8080/mcp, without a name, password or fragment")
	case o.Anywhere && o.Credential != "" && at.Scheme == "http" && !loopback.Host(at.Hostname()):
		return nil, usage("the key would go to another machine in clear: use https, or no key")
	case o.Clients < 1 || o.Clients > MaxClients:
		return nil, usage("%d clients: want 1 to %d", o.Clients, MaxClients)
	case o.For <= 0 || o.For > maxFor || o.WarmUp < 0 || o.WarmUp > maxFor:
		return nil, usage("a run of %s after %s: want up to %s each", o.For, o.WarmUp, maxFor)
	case !(o.Rate >= 0 && o.Rate <= maxRate):
		return nil, usage("%g operations a second: want up to %g, or 0 for as fast as answers come", o.Rate, maxRate)
	case o.Timeout <= 0 || o.Timeout > maxTimeout:
		return nil, usage("a timeout of %s: want up to %s", o.Timeout, maxTimeout)
	case len(o.Eras) == 0:
		return nil, usage("no era: want stateful, stateless or both")
	}
	return at, o.checkMix()
}

func (o *Options) checkMix() error {
	if len(o.Mix) == 0 {
		return usage("nothing to do: a mix is like call=9,list=1")
	}
	for _, s := range o.Mix {
		if !slices.Contains(Operations, s.Operation) {
			return usage("no operation is called %q: want %s", s.Operation, strings.Join(Operations, ", "))
		}
		if s.Weight < 1 || s.Weight > maxWeight {
			return usage("%s=%d: want a weight from 1 to %d", s.Operation, s.Weight, maxWeight)
		}
		if s.Operation == Call && o.Tool == "" {
			return usage("a call needs the name of a tool: --tool, or a mix without call")
		}
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(o.Arguments, &object); err != nil || object == nil || len(o.Arguments) > maxArgument {
		return usage("the arguments must be a JSON object of at most %d bytes, such as {\"path\": \"/tmp\"}", maxArgument)
	}
	return nil
}

// ParseMix reads a mix such as "call=9,list=1"; an operation without a weight has 1.
func ParseMix(text string) (mix []Share, err error) {
	for item := range strings.SplitSeq(text, ",") {
		name, weight, found := strings.Cut(strings.TrimSpace(item), "=")
		s := Share{Operation: name, Weight: 1}
		if found {
			if s.Weight, err = strconv.Atoi(weight); err != nil {
				return nil, usage("%q: a mix is like call=9,list=1", item)
			}
		}
		if slices.ContainsFunc(mix, func(o Share) bool { return o.Operation == s.Operation }) {
			return nil, usage("%s stands twice in the mix", s.Operation)
		}
		mix = append(mix, s)
	}
	return mix, nil
}

// ParseEras reads stateful, stateless or both.
func ParseEras(text string) ([]Era, error) {
	switch text {
	case "stateful":
		return []Era{Stateful}, nil
	case "stateless":
		return []Era{Stateless}, nil
	case "both":
		return []Era{Stateful, Stateless}, nil
	}
	return nil, usage("no era is called %q: want stateful, stateless or both", text)
}
