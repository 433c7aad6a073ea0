package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/policy/review"
)

func (r *run) policyCheck() *cobra.Command {
	var offline bool
	c := &cobra.Command{
		Use: "check [FILE]", Short: "Find rules that do not mean what they say; exit 3 when some do not", Args: cobra.MaximumNArgs(1),
		Long: `Look at what the policy of FILE, or of --config, means. Faults of the file are reported
first, all at once, as config check does. Then, beside the approved tools (doorward.lock):

  error     a rule that judges arguments which no tool has, so that it judges nothing
  warning   a rule that matches nothing, that a deny or another rule makes pointless,
            that opens everything, or whose condition asks for arguments that are not there
  hint      parameters that look like paths, URLs, hosts, SQL, commands or addresses and have
            no type, with the lines that would give them one; roles that nobody is known to
            have; rules that only observe; rules that could go

Nothing is changed, and no type is ever given by a parameter's name alone: what is offered is
for you to take. Errors and warnings exit with 3, hints do not.

--offline looks at the file alone: neither at a running gateway, nor at approvals and keys.`,
		Example: `  doorward policy check
  doorward policy check new.yaml
  doorward policy check --offline --format json      in CI: reads the file and writes nothing`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				r.config = args[0]
			}
			return r.checkPolicy(cmd.Context(), offline)
		},
	}
	c.Flags().BoolVar(&offline, "offline", false, "leave out what is compared with approved tools and with keys")
	return c
}

// checkReport is what check prints for machines.
type checkReport struct {
	File     string           `json:"file"`
	Compared bool             `json:"compared"` // with the lock
	Errors   int              `json:"errors"`
	Warnings int              `json:"warnings"`
	Hints    int              `json:"hints"`
	Findings []review.Finding `json:"findings"`
}

func (r *run) checkPolicy(ctx context.Context, offline bool) error {
	cfg, err := r.load()
	if err != nil {
		return err
	}
	in := reviewed(cfg)
	if !offline {
		if err := r.operate(ctx, func(ctx context.Context, op admin.Operator, _ string) error { return beside(ctx, op, in) }); err != nil {
			return fmt.Errorf("%w\ndoorward: --offline looks at the file alone", err)
		}
	}
	out := checkReport{File: r.config, Compared: !offline, Findings: review.Review(in)}
	if out.Findings == nil {
		out.Findings = []review.Finding{}
	}
	line := func(string) int { return 0 }
	if data, err := r.readBounded(r.config); err == nil {
		line = config.Lines(data)
	}
	for i := range out.Findings {
		f := &out.Findings[i]
		f.Line = line(f.Path)
		switch f.Severity {
		case review.Error:
			out.Errors++
		case review.Warning:
			out.Warnings++
		case review.Hint:
			out.Hints++
		}
	}
	if err := r.put(out, out.text); err != nil {
		return failed(err)
	}
	r.say("%s", out.summary())
	if out.Errors+out.Warnings > 0 {
		return &exit{code: exitFindings}
	}
	return nil
}

// reviewed is what the file alone says.
func reviewed(cfg *config.Config) *review.Input {
	in := &review.Input{Source: cfg.PolicySource(), Upstreams: slices.Sorted(maps.Keys(cfg.Upstreams)), BuiltIn: cfg.BuiltInRole}
	if a := cfg.Identity.Anonymous; a != nil {
		in.Named = a.Roles
	}
	for i := range cfg.Identity.Issuers {
		in.Claimed = in.Claimed || cfg.Identity.Issuers[i].Claims.Roles != ""
	}
	return in
}

// pins are what the review asks of the gateway.
type pins interface {
	Entries(ctx context.Context, q admin.Review) ([]admin.Entry, error)
	Detail(ctx context.Context, upstream, kind, name string) (admin.Detail, error)
	ListKeys(ctx context.Context) ([]admin.Key, error)
}

// beside adds what is pinned, and the roles that keys have.
func beside(ctx context.Context, op pins, in *review.Input) error {
	entries, err := op.Entries(ctx, admin.Review{})
	if err != nil {
		return err
	}
	in.Pinned = true
	kinds := map[string]gate.ItemKind{}
	for _, k := range [...]gate.ItemKind{gate.Tool, gate.Prompt, gate.Resource, gate.Template} {
		kinds[k.String()] = k
	}
	for _, e := range entries {
		it := review.Item{Upstream: e.Upstream, Kind: kinds[e.Kind], Name: e.Name}
		if it.Kind == gate.NoItem || e.Pinned == "" || e.State != gate.Approved.String() && e.State != gate.Changed.String() {
			continue
		}
		// Only what is as it was approved is opened: to open a changed one would count
		// as having looked at the change.
		if e.State == gate.Approved.String() && (it.Kind == gate.Tool || it.Kind == gate.Prompt) {
			d, err := op.Detail(ctx, e.Upstream, e.Kind, e.Name)
			if err != nil {
				return err
			}
			it.Schema = schemaOf(it.Kind, []byte(d.Approved))
		}
		in.Items = append(in.Items, it)
	}
	keys, err := op.ListKeys(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.Revoked.IsZero() {
			in.Named = append(in.Named, k.Roles...)
		}
	}
	return nil
}

// schemaOf is what a pinned definition says of its arguments; nil when nothing. A
// prompt names them in a list.
func schemaOf(kind gate.ItemKind, definition []byte) []byte {
	var d struct {
		InputSchema json.RawMessage `json:"inputSchema"`
		Arguments   []struct {
			Name        string `json:"name"`
			Title       string `json:"title,omitempty"`
			Description string `json:"description,omitempty"`
		} `json:"arguments"`
	}
	if err := json.Unmarshal(definition, &d); err != nil {
		return nil
	}
	if kind == gate.Tool {
		return d.InputSchema
	}
	properties := map[string]any{}
	for _, a := range d.Arguments {
		properties[a.Name] = map[string]string{"type": "string", "title": a.Title, "description": a.Description}
	}
	schema, err := json.Marshal(map[string]any{"type": "object", "properties": properties})
	if err != nil {
		return nil
	}
	return schema
}

func (c checkReport) text(w io.Writer) error {
	var b strings.Builder
	for _, f := range c.Findings {
		fmt.Fprintf(&b, "%-8s", f.Severity)
		if f.Line > 0 {
			fmt.Fprintf(&b, "line %d: ", f.Line)
		}
		fmt.Fprintf(&b, "%s\n        %s\n        → %s\n", gate.Visible(f.Path), gate.Visible(f.Text), gate.Visible(f.Advice))
		for line := range strings.Lines(f.Snippet) {
			fmt.Fprintf(&b, "          %s", line)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c checkReport) summary() string {
	beside := "beside the approved tools"
	if !c.Compared {
		beside = "by itself"
	}
	if len(c.Findings) == 0 {
		return fmt.Sprintf("%s is fine, %s", c.File, beside)
	}
	return fmt.Sprintf("%s, %s: %s, %s, %s", c.File, beside, amount(c.Errors, "error"), amount(c.Warnings, "warning"), amount(c.Hints, "hint"))
}

// amount is a number and its noun: "1 hint", "2 hints".
func amount(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
