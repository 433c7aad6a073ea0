package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"doorward/internal/admin"
	"doorward/internal/config"
	"doorward/internal/durable"
	"doorward/internal/gate"
	"doorward/internal/lock"
	"doorward/internal/policy/recorded"
)

// choice is which calls of the past a command is about.
type choice struct{ file, since, until, principal, upstream string }

func (c *choice) flags(f *pflag.FlagSet) {
	f.StringVar(&c.since, "since", "7d", "from this time: RFC 3339, or an age such as 24h or 7d")
	f.StringVar(&c.until, "until", "", "up to this time (default: now)")
	only(f, &c.principal, "principal", "only calls of this subject, or of the credential with this public id")
	only(f, &c.upstream, "upstream", "only calls to this upstream")
	f.StringVar(&c.file, "calls", "", "read the calls from this file, one JSON object a line, or from stdin with -, in place of the audit log")
}

// calls are the calls chosen, oldest first. That the audit log's sealed arguments
// were opened is on record.
func (r *run) calls(ctx context.Context, c choice) ([]recorded.Call, error) {
	q := admin.CallQuery{Principal: c.principal, Upstream: c.upstream}
	var err error
	if q.Since, err = moment(c.since); err != nil {
		return nil, fmt.Errorf("--since: %w", err)
	}
	if q.Until, err = moment(c.until); err != nil {
		return nil, fmt.Errorf("--until: %w", err)
	}
	if c.file != "" {
		return r.fileOfCalls(c.file, q)
	}
	if q.Until.IsZero() {
		q.Until = time.Now()
	}
	if q.Since.IsZero() {
		q.Since = q.Until.Add(-maxPast)
	}
	var out []recorded.Call
	err = r.operate(ctx, func(ctx context.Context, op admin.Operator, actor string) error {
		f := fetch{op: op, actor: actor}
		err := f.all(ctx, q)
		if f.sealed > 0 {
			r.warn("%d calls have their arguments sealed with an audit.key that is no longer there", f.sealed)
		}
		out = f.calls
		return err
	})
	return out, err
}

// maxPast is how far back the audit log is read when --since says nothing.
const maxPast = 10 * 365 * 24 * time.Hour

// warn prints to stderr, unless quiet.
func (r *run) warn(format string, args ...any) {
	if !r.quiet {
		_, _ = fmt.Fprintf(r.errs(), format+"\n", args...)
	}
}

// fetch gathers calls from the gateway.
type fetch struct {
	op     admin.Records
	actor  string
	calls  []recorded.Call
	sealed int
}

// shortest is the least time that is asked about at once: what has more calls than
// one answer holds in it cannot be had.
const shortest = time.Second

// maxGathered bounds the calls that a command holds in memory.
const maxGathered = 2_000_000

// all asks for a time, and for its halves when that is too much for one answer.
func (f *fetch) all(ctx context.Context, q admin.CallQuery) error {
	list, err := f.op.Calls(ctx, f.actor, q)
	if err != nil {
		return err
	}
	if !list.Cut {
		f.sealed += list.OtherKey
		for i := range list.Calls {
			f.calls = append(f.calls, recordedCall(&list.Calls[i]))
		}
		if len(f.calls) > maxGathered {
			return fmt.Errorf("there are more than %d calls: choose less with --since, --until, --principal or --upstream", maxGathered)
		}
		return nil
	}
	span := q.Until.Sub(q.Since)
	if span <= shortest {
		return fmt.Errorf("there are too many calls at %s: choose less with --principal or --upstream", q.Since.UTC().Format(time.RFC3339))
	}
	first, second := q, q
	first.Until = q.Since.Add(span / 2)
	second.Since = first.Until
	if err := f.all(ctx, first); err != nil {
		return err
	}
	return f.all(ctx, second)
}

func recordedCall(c *admin.Call) recorded.Call {
	return recorded.Call{
		Exchange: c.Exchange, Time: c.Time, Method: c.Method, Era: c.Era, Transport: c.Transport, Profile: c.Profile,
		Address: c.Address, Agent: c.Agent, Principal: recorded.Principal(c.Principal), Upstream: c.Upstream, Kind: c.Kind, Name: c.Name,
		Pin: c.Pin, Arguments: c.Arguments, Kept: c.Kept, Status: c.Status, Code: c.Code, Rule: c.Rule, Policy: c.Policy, Observed: c.Observed,
	}
}

// fileOfCalls reads calls from a file, and keeps those that the query asks for.
func (r *run) fileOfCalls(name string, q admin.CallQuery) ([]recorded.Call, error) {
	in := r.Stdin
	if name != "-" {
		f, err := durable.OpenNamed(name)
		if err != nil {
			return nil, failed(fmt.Errorf("reading calls: %w", err))
		}
		defer f.Close()
		in = f
	}
	all, err := recorded.Read(in)
	if err != nil {
		return nil, failed(fmt.Errorf("%s: %w", name, err))
	}
	return slices.DeleteFunc(all, func(c recorded.Call) bool {
		return c.Time.Before(q.Since) || !q.Until.IsZero() && !c.Time.Before(q.Until) ||
			q.Upstream != "" && c.Upstream != q.Upstream ||
			q.Principal != "" && c.Principal.Subject != q.Principal && c.Principal.Credential != q.Principal
	}), nil
}

// approved are the approved definitions of a configuration's lock file.
func approved(cfg *config.Config) ([]lock.Pin, error) {
	l, err := lock.Load(cfg.Trust.Lock)
	if err != nil {
		return nil, failed(err)
	}
	return slices.DeleteFunc(l.Pins(), func(p lock.Pin) bool { return p.State != gate.Approved }), nil
}

// indented is one side of a difference, on a line under it.
func indented(name, effect, rule, why string) string {
	parts := []string{fmt.Sprintf("    %-7s %s", name, effect)}
	for _, more := range []string{rule, why} {
		if more != "" {
			parts = append(parts, gate.Visible(more))
		}
	}
	return strings.Join(parts, "; ") + "\n"
}
