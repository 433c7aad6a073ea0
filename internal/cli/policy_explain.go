package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
	"doorward/internal/gate"
	"doorward/internal/policy"
	"doorward/internal/policy/cases"
)

// inquiry is what the flags of explain say.
type inquiry struct {
	call, prompt, read, upstream string
	args                         string
	key                          string
	who                          cases.Principal
	at                           string
	q                            policy.Question // what the flags say of it already
}

func (r *run) policyExplain() *cobra.Command {
	var a inquiry
	c := &cobra.Command{
		Use: "explain [EXCHANGE]", Short: "Say what the policy decides about one call, and why; exit 3 when it does not allow it", Args: cobra.MaximumNArgs(1),
		Long: `Ask the policy of --config about one call: the decision, every rule that was tried, what of
its condition and of the arguments stood in the way, and what the caller would read, which says
neither rules nor values.

Who asks: --who KEY has the roles of that API key, --role those that you name, and --subject,
--group, --scope and --issuer are of a token, from which the roles follow. What: --call
UPSTREAM/TOOL, --prompt UPSTREAM/PROMPT or --read URI. The arguments are JSON: in the flag,
in a file (@FILE), or on stdin (-), and are shown nowhere.

Or EXCHANGE, the id of a recorded call: it is asked again as it was, with the caller's roles,
the arguments and the time of then, by the policy of now. That it was opened is on record.

Exit 0 when the call would be allowed, 3 when it would be refused or held for people. Only the
policy is asked: not whether the tool is approved, nor whether its schema takes the arguments.`,
		Example: `  doorward policy explain --role reader --call files/read_text --args '{"path":"/etc/passwd"}'
  doorward policy explain 01K…
  doorward policy explain --who ci --call github/merge --args @call.json
  doorward policy explain --group platform --tenant acme --read docs://guide --at 2026-11-26T03:00:00Z`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return r.explain(cmd.Context(), &a)
			}
			for _, name := range [...]string{
				"call", "prompt", "read", "upstream", "args", "who", "role", "group", "scope", "subject", "tenant", "issuer", "at", "label", "profile", "address",
			} {
				if cmd.Flags().Changed(name) {
					return fmt.Errorf("--%s: a recorded call says who and what by itself: write the exchange alone", name)
				}
			}
			return r.explainRecorded(cmd.Context(), args[0])
		},
	}
	f := c.Flags()
	f.StringVar(&a.call, "call", "", "the tool that is called: upstream/tool")
	f.StringVar(&a.prompt, "prompt", "", "the prompt that is fetched: upstream/prompt")
	f.StringVar(&a.read, "read", "", "the URI of the resource that is read")
	f.StringVar(&a.upstream, "upstream", "", "whose the resource is, for conditions that ask")
	f.StringVar(&a.args, "args", "", "arguments, a JSON object: JSON itself, @FILE, or - for stdin")
	f.StringVar(&a.key, "who", "", "the API key that calls, by name or id")
	f.StringArrayVar(&a.who.Roles, "role", nil, "a role of the caller; repeat for several")
	f.StringArrayVar(&a.who.Groups, "group", nil, "a group of the token; repeat for several")
	f.StringArrayVar(&a.who.Scopes, "scope", nil, "a scope of the token; repeat for several")
	f.StringVar(&a.who.Subject, "subject", "", "the token's subject")
	f.StringVar(&a.who.Tenant, "tenant", "", "the token's tenant")
	f.StringVar(&a.who.Issuer, "issuer", "", "the token's issuer (default: the only one of the configuration)")
	f.StringVar(&a.at, "at", "", "when: RFC 3339 (default: now)")
	f.StringArrayVar(&a.q.Labels, "label", nil, "a label of the tool; repeat for several")
	f.StringVar(&a.q.Request.Profile, "profile", "", "the profile of the request")
	f.StringVar(&a.q.Request.Address, "address", "", "the client's address")
	return c
}

func (r *run) explain(ctx context.Context, a *inquiry) error {
	q, err := a.question()
	if err != nil {
		return err
	}
	if q.Args, err = r.arguments(a.args); err != nil {
		return err
	}
	if len(q.Args) > 0 && q.Kind == gate.Resource {
		return errors.New("--args: a resource is read without arguments")
	}
	cfg, err := r.load()
	if err != nil {
		return err
	}
	if a.key != "" {
		if err := r.operate(ctx, func(ctx context.Context, op admin.Operator, _ string) error { return a.holder(ctx, op) }); err != nil {
			return err
		}
	}
	src := cfg.PolicySource()
	made, faults := policy.Compile(src)
	if len(faults) > 0 {
		return failed(fmt.Errorf("%s: %s", faults[0].Path, faults[0].Text)) // load has reported them
	}
	if q.Who, err = a.who.Made(&src, made, issuer(cfg)); err != nil {
		return failed(err)
	}
	out := explained(made, q)
	out.Unjudged = out.Decision != cases.Deny && q.Kind != gate.Resource && a.args == ""
	return r.putExplanation(out)
}

// question is what the flags ask, but for who and the arguments.
func (a *inquiry) question() (*policy.Question, error) {
	q := &a.q
	q.Called, q.Now, q.Request, q.Trace = true, time.Now(), cases.Requested(q.Request), &policy.Trace{}
	verbs := 0
	for _, v := range [...]struct {
		text, method string
		kind         gate.ItemKind
	}{{a.call, "tools/call", gate.Tool}, {a.prompt, "prompts/get", gate.Prompt}, {a.read, "resources/read", gate.Resource}} {
		if v.text == "" {
			continue
		}
		verbs++
		q.Kind, q.Name, q.Upstream, q.Request.Method = v.kind, v.text, cmp.Or(a.upstream, cases.AnyUpstream), v.method
		if v.kind != gate.Resource {
			var ok bool
			if q.Upstream, q.Name, ok = strings.Cut(v.text, "/"); !ok || q.Upstream == "" || q.Name == "" {
				// Clients see upstream__name.
				return nil, fmt.Errorf("%q is not upstream/name, such as %s", v.text, cmp.Or(slashed(v.text), "files/read_text"))
			}
		}
	}
	if verbs != 1 {
		return nil, errors.New("explain what? write one of --call, --prompt and --read")
	}
	tokens := len(a.who.Groups)+len(a.who.Scopes) > 0
	switch {
	case a.key != "" && (len(a.who.Roles) > 0 || tokens || a.who.Subject != ""):
		return nil, errors.New("--who is an API key: it has its own roles and no groups, scopes or subject")
	case len(a.who.Roles) > 0 && tokens:
		return nil, errors.New("--role says which roles the caller has; --group and --scope are of a token, from which they follow: write one or the other")
	case a.key == "" && len(a.who.Roles) == 0 && !tokens && a.who.Subject == "":
		return nil, errors.New("who calls? write --who KEY, --role, or --subject, --group and --scope of a token")
	}
	if a.at != "" {
		at, err := time.Parse(time.RFC3339, a.at)
		if err != nil {
			return nil, fmt.Errorf("--at %q: want a time such as 2026-11-20T12:00:00Z", a.at)
		}
		q.Now = at
	}
	return q, nil
}

// slashed is the name of the configuration for one that clients see, upstream__name;
// empty for any other.
func slashed(name string) string {
	if up, rest, ok := strings.Cut(name, "__"); ok && up != "" && rest != "" {
		return up + "/" + rest
	}
	return ""
}

// arguments are those of the call: JSON, or where it is.
func (r *run) arguments(text string) ([]byte, error) {
	args := []byte(text)
	name, file := strings.CutPrefix(text, "@")
	switch {
	case text == "":
		return nil, nil
	case text == "-", file:
		var err error
		if args, err = r.readBounded(name); err != nil {
			return nil, failed(fmt.Errorf("reading the arguments: %w", err))
		}
	}
	args = []byte(strings.TrimSpace(string(args)))
	if !strings.HasPrefix(string(args), "{") || !json.Valid(args) {
		return nil, errors.New("--args: this is not a JSON object, such as {\"path\":\"/srv/docs/a.md\"}; write one, @FILE, or - for stdin")
	}
	return args, nil
}

// holder makes the caller of an API key.
func (a *inquiry) holder(ctx context.Context, op admin.Keys) error {
	keys, err := op.ListKeys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if (k.Name == a.key || k.ID == a.key) && k.Revoked.IsZero() {
			a.who.Subject, a.who.Roles = k.Name, append([]string{}, k.Roles...)
			return nil
		}
	}
	return fmt.Errorf("there is no live key %q; see doorward key list", a.key)
}

// explanation is what explain prints.
type explanation struct {
	Decision  string         `json:"decision"` // allow, deny, approve
	Subject   string         `json:"subject,omitempty"`
	Roles     []string       `json:"roles"`
	Kind      string         `json:"kind"`
	Upstream  string         `json:"upstream,omitempty"`
	Name      string         `json:"name"`
	Role      string         `json:"role,omitempty"` // whose rule decided
	Rule      string         `json:"rule,omitempty"`
	Reason    string         `json:"reason"`
	Approvers []string       `json:"approvers,omitempty"`
	Count     int            `json:"count,omitempty"` // of approvers who must agree
	Observed  []string       `json:"observed,omitempty"`
	Tried     []policy.Tried `json:"tried"`
	Unjudged  bool           `json:"unjudged,omitempty"`     // the call has no arguments to judge
	Reads     string         `json:"caller_reads,omitempty"` // empty: the call goes on
	Policy    string         `json:"policy"`
}

// explained asks the policy.
func explained(p *policy.Policy, q *policy.Question) explanation {
	d := p.Judge(q)
	out := explanation{
		Decision: cases.Answer(&d), Subject: q.Who.Subject, Roles: q.Who.Roles, Kind: q.Kind.String(), Upstream: q.Upstream, Name: q.Name,
		Role: d.Role, Rule: d.Rule, Reason: cases.Reason(&d), Observed: d.Observed, Tried: q.Trace.Tried, Policy: p.Version(),
		Reads: callerReads(p, q, &d),
	}
	if q.Upstream == cases.AnyUpstream {
		out.Upstream = ""
	}
	if out.Roles == nil {
		out.Roles = []string{}
	}
	if out.Tried == nil {
		out.Tried = []policy.Tried{}
	}
	if t := d.Terms; t != nil {
		out.Approvers, out.Count = t.Roles, t.Count
		if t.Self {
			out.Approvers = []string{"the caller, when its client asks"}
		}
	}
	return out
}

func (r *run) putExplanation(out explanation) error {
	if err := r.put(out, out.text); err != nil {
		return failed(err)
	}
	if out.Decision != cases.Allow {
		return &exit{code: exitFindings}
	}
	return nil
}

// callerReads is what the client would be told, as authorize and approve say it.
func callerReads(p *policy.Policy, q *policy.Question, d *policy.Decision) string {
	switch {
	case d.Allowed && d.Terms == nil:
		return ""
	case d.Allowed:
		return "This call waits for the approval of people. Send the same call again, unchanged, once they have approved it."
	case d.Public != "":
		return d.Public
	case p.Lacks(q.Who, q.Kind, q.Upstream, q.Name) != nil:
		return "The token lacks a scope that this needs."
	}
	return "You may not use this " + q.Kind.String() + ". Ask whoever runs this gateway if you need it."
}

func (e explanation) text(w io.Writer) error {
	var b strings.Builder
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name, gate.Visible(text))
		}
	}
	words := map[string]string{cases.Allow: "allowed", cases.Deny: "refused", cases.Approve: "held until people agree"}
	line("decision", words[e.Decision])
	line("who", strings.TrimSpace(e.Subject+" with "+cmp.Or(strings.Join(e.Roles, ", "), "no role")))
	line("what", e.Kind+" "+strings.TrimPrefix(e.Upstream+"/"+e.Name, "/"))
	line("role", e.Role)
	line("rule", e.Rule)
	line("reason", e.Reason)
	if e.Unjudged {
		line("note", "without --args: no rule judged an argument, and one that is sent may still be refused")
	}
	if e.Count > 0 {
		line("approvers", fmt.Sprintf("%d of %s", e.Count, strings.Join(e.Approvers, ", ")))
	}
	for _, o := range e.Observed {
		line("observed", o)
	}
	b.WriteString("\nrules tried:\n")
	if len(e.Tried) == 0 {
		b.WriteString("  none: no rule of the caller's roles matches the name, or the reason above decides before any rule does\n")
	}
	for i := range e.Tried {
		triedText(&b, &e.Tried[i])
	}
	b.WriteString("\nwhat the caller reads:\n  " + gate.Visible(cmp.Or(e.Reads, "(nothing: the call goes on)")) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func triedText(b *strings.Builder, t *policy.Tried) {
	half := "allow"
	if t.Deny {
		half = "deny"
	}
	notes := []string{half, "role " + t.Role}
	if t.Mode != policy.Enforce.String() {
		notes = append(notes, "mode "+t.Mode)
	}
	fmt.Fprintf(b, "  %s (%s)\n", gate.Visible(t.Rule), gate.Visible(strings.Join(notes, ", ")))
	if t.Condition != "" {
		fmt.Fprintf(b, "    condition: %s\n", gate.Visible(t.Condition))
	}
	if t.Arguments != "" {
		fmt.Fprintf(b, "    arguments: %s\n", gate.Visible(t.Arguments))
	}
}
