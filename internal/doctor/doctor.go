package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"doorward/internal/config"
)

// The bounds of a run.
const (
	probeTime = 5 * time.Second  // of one probe, unless Options says otherwise
	totalTime = 90 * time.Second // of all
	leaveTime = time.Second      // to end the session that was begun
)

// Gateway is a running gateway's own account of itself, for the checks that
// cannot be made from outside. The command line gives it from the local socket.
type Gateway interface {
	Status(ctx context.Context) (Account, error)
	Definitions(ctx context.Context) ([]Definition, error)
}

// Account is what a gateway says of itself.
type Account struct {
	URL       string   // where clients connect; empty when they cannot
	Reasons   []string // why it cannot serve; empty when it can
	Upstreams []Upstream
}

// Upstream is one of a gateway's upstreams.
type Upstream struct {
	Name  string
	Error string // the last failure; empty when there is none
}

// Definition is something that an upstream offers.
type Definition struct {
	Upstream string
	Kind     string // "tool", "prompt", …
	State    string // "held", "approved", "changed", "rejected"
}

// Options say what to look at. Either URL or Config is required.
type Options struct {
	URL        string         // of the MCP endpoint; empty: where Config says that clients connect
	Credential string         // as the client has it, without "Bearer"; empty: none
	Origin     string         // of the web page that the client runs in; empty: none
	Config     *config.Config // of the gateway behind the URL; nil: unknown
	ConfigPath string         // for the commands in fixes
	Gateway    Gateway        // nil: none can be asked
	Version    string         // of this program, for clientInfo
	Roots      *x509.CertPool // nil: the system's
	Resolver   *net.Resolver  // nil: the system's
	Timeout    time.Duration  // of one probe; zero: 5 s
	Patience   time.Duration  // for the first event of a stream; zero: Timeout
	// Progress is told the id of each check before it is made. Nil: nobody cares.
	Progress func(id string)
}

// ErrUsage is wrapped by the errors of a URL that cannot be looked at.
var ErrUsage = errors.New("cannot look at this URL")

// check is one thing that can be wrong, or a few that are seen together.
type check struct {
	id  string
	run func(context.Context, *exam) []Finding
}

// checks is the list, in order: each may use what those before it learned.
func checks() []check {
	return []check{
		{"dns", checkDNS},
		{"tls.chain", checkTLS},
		{"listen", checkListen},
		{"url.path", checkURL},
		{"credential", checkCredential},
		{"clock", checkClock},
		{"protocol", checkProtocol},
		{"session.affinity", checkAffinity},
		{"proxy.buffering", checkBuffering},
		{"upstream.down", checkUpstreams},
		{"trust.held", checkTrust},
		{"policy", checkPolicy},
	}
}

// Run makes every check and returns what they found. The error wraps ErrUsage,
// or is that of ctx, which ends the run at once.
func Run(ctx context.Context, o Options) (*Report, error) {
	e, err := newExam(ctx, o)
	if err != nil {
		return nil, err
	}
	defer e.leave(context.WithoutCancel(ctx))
	bounded, cancel := context.WithTimeout(ctx, totalTime)
	defer cancel()
	e.noteFailures(bounded)
	for _, c := range checks() {
		if o.Progress != nil {
			o.Progress(c.id)
		}
		found := c.run(bounded, e)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if bounded.Err() != nil {
			found = skip(c.id, fmt.Sprintf("the checks before it took all of the %v that there are", totalTime))
		}
		for _, f := range found {
			e.tidy(&f)
			e.report.Findings = append(e.report.Findings, f)
		}
	}
	return &e.report, nil
}

// exam is one run: what to look at and what has been learned so far.
type exam struct {
	opts   Options
	key    credential
	web    *web
	target *url.URL // where MCP is spoken; checkURL may move it to /mcp
	report Report

	link
	contact contact           // zero until there was one
	session string            // that initialize gave
	failed  map[string]string // by upstream: the last failure before the checks began
	list    *answer           // to tools/list; nil: it was not asked
	tools   int               // how many tools the client is shown, or unlisted or many
}

// link is what was learned below HTTP.
type link struct {
	reached         netip.AddrPort // an address of the host that takes connections; invalid: none does
	refused         bool           // the host is there and nothing listens
	tls             error          // of the handshake; nil when there was none or it succeeded
	asksCertificate bool           // the server wants a client certificate, perhaps only if there is one
}

func newExam(ctx context.Context, o Options) (*exam, error) {
	if o.Timeout <= 0 {
		o.Timeout = probeTime
	}
	if o.Patience <= 0 {
		o.Patience = o.Timeout
	}
	target, err := targetOf(ctx, o)
	if err != nil {
		return nil, err
	}
	e := &exam{opts: o, key: readCredential(o.Credential), target: target, tools: unlisted}
	e.web = newWeb(o)
	e.report = Report{URL: visible(shownURL(e.target)), Findings: []Finding{}}
	return e, nil
}

// targetOf is the URL to look at.
func targetOf(ctx context.Context, o Options) (*url.URL, error) {
	text := o.URL
	if text == "" {
		if o.Config == nil {
			return nil, fmt.Errorf("%w: there is none, and no configuration", ErrUsage)
		}
		var err error
		if text, err = configuredURL(ctx, o); err != nil {
			return nil, err
		}
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: it is not one: write it as http://127.0.0.1:8080/mcp", ErrUsage)
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("%w: it must begin with http:// or https:// and a host, such as http://127.0.0.1:8080/mcp", ErrUsage)
	case u.User != nil:
		return nil, fmt.Errorf("%w: it holds a password: put the key into an environment variable and name that with --key-env", ErrUsage)
	case u.Port() != "" && parsePort(u.Port()) == 0:
		return nil, fmt.Errorf("%w: the port must be a number from 1 to 65535", ErrUsage)
	}
	u.Fragment = ""
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// parsePort is 0 for what is no port.
func parsePort(s string) uint16 {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}

// configuredURL is where the configuration says that clients connect.
func configuredURL(ctx context.Context, o Options) (string, error) {
	l := o.Config.Listen
	if l.PublicURL != "" {
		return strings.TrimSuffix(l.PublicURL, "/") + endpoint, nil
	}
	scheme, at := "http", l.Address.AddrPort
	if l.TLS.Cert != "" {
		scheme = "https"
	}
	if at.Port() == 0 {
		if account, err := o.account(ctx); err == nil && account.URL != "" {
			return account.URL, nil
		}
		return "", fmt.Errorf("%w: listen.address has port 0, which the system chooses when the gateway starts: name the URL that doorward serve prints", ErrUsage)
	}
	if at.Addr().IsUnspecified() {
		here := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if at.Addr().Is6() {
			here = netip.IPv6Loopback()
		}
		at = netip.AddrPortFrom(here, at.Port())
	}
	return scheme + "://" + at.String() + endpoint, nil
}

// account asks the gateway about itself.
func (o Options) account(ctx context.Context) (Account, error) {
	if o.Gateway == nil {
		return Account{}, errors.New("no gateway can be asked")
	}
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = probeTime
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return o.Gateway.Status(ctx)
}

// leave ends the session that the run began, and every connection.
func (e *exam) leave(ctx context.Context) {
	if e.session != "" {
		ctx, cancel := context.WithTimeout(ctx, leaveTime)
		defer cancel()
		e.send(ctx, request{method: "DELETE", era: stateful, session: e.session})
	}
	e.web.close()
}

// command is a doorward command line for the gateway that was looked at.
func (e *exam) command(words string) string {
	if e.opts.ConfigPath == "" || e.opts.ConfigPath == "doorward.yaml" {
		return "doorward " + words
	}
	path := e.opts.ConfigPath
	if strings.ContainsAny(path, " \t'\"$&;()") {
		path = "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return "doorward " + words + " --config " + path
}
