package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/admin"
)

func (r *run) privacyBreach() *cobra.Command {
	var t admin.Touch
	var since, until, aware string
	c := &cobra.Command{
		Use: "breach", Short: "Say whose data a key, session, person or address could touch", Args: cobra.NoArgs,
		Long: `Say whose data a credential, a session, a person or an address could have touched: the
people (by the keys of their records, and with --open by name), upstreams, tools, counts and
times, with what a notification to an authority needs within 72 hours (GDPR, article 33). As
text it is Markdown. That it was asked for is on record.`,
		Example: `  doorward privacy breach --credential k_0123456789 --since 2026-11-01
  doorward privacy breach --session 5f0c… --aware 2026-11-26T08:00:00Z --open
  doorward privacy breach --address 192.0.2.0/24 --format json`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			for _, one := range []struct {
				text string
				to   *time.Time
			}{{since, &t.Since}, {until, &t.Until}, {aware, &t.Aware}} {
				if *one.to, err = moment(one.text); err != nil {
					return err
				}
			}
			if t.Credential == "" && t.Session == "" && t.Principal == "" && t.Address == "" {
				return errors.New("name --credential, --session, --principal or --address")
			}
			return r.operate(cmd.Context(), func(ctx context.Context, op admin.Operator, actor string) error {
				b, err := op.Breach(ctx, actor, t)
				if err != nil {
					return err
				}
				return r.put(b, func(w io.Writer) error { return breachText(w, &b) })
			})
		},
	}
	f := c.Flags()
	only(f, &t.Credential, "credential", "public id of an API key, a token's jti, a certificate's SHA-256")
	only(f, &t.Session, "session", "id of a session, or its hash as records have it")
	only(f, &t.Principal, "principal", "subject")
	only(f, &t.Address, "address", "IP address or network")
	f.StringVar(&since, "since", "", "from then on: a date, a time (RFC 3339), or how long ago, such as 24h or 7d")
	f.StringVar(&until, "until", "", "before then")
	f.StringVar(&aware, "aware", "", "when you became aware of it (default: now); the 72 hours begin then")
	f.BoolVar(&t.Open, "open", false, "name the people")
	return c
}

// cell is a text in a table of Markdown.
func cell(s string) string { return strings.ReplaceAll(visible(s), "|", `\|`) }

func stamp(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return t.UTC().Format(time.RFC3339)
}

func breachText(w io.Writer, b *admin.Breach) error {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	p("# Facts of a breach (GDPR, article 33)\n\n")
	p("- About: %s\n", cell(strings.TrimSpace(b.Asked.Credential+" "+b.Asked.Session+" "+b.Asked.Principal+" "+b.Asked.Address)))
	p("- Aware since %s; the authority is told by %s\n", stamp(b.Aware), stamp(b.Notify))
	p("- Controller: %s; contact: %s\n", cell(b.Controller), cell(b.Contact))
	p("- Records: %d, from %s to %s\n", b.Records, stamp(b.First), stamp(b.Last))
	p("- People: %d; records of strangers: %d; of people erased since: %d\n", len(b.Persons), b.Strangers, b.Erased)
	if b.Cut {
		p("- A list was too long, and is not whole: ask for less time at once\n")
	}
	p("\n## Data subjects\n\n| key | issuer | tenant | subject | records | first | last |\n|---|---|---|---|---|---|---|\n")
	for _, one := range b.Persons {
		p("| %s | %s | %s | %s | %d | %s | %s |\n", one.Key, cell(one.Issuer), cell(one.Tenant), cell(one.Subject), one.Records, stamp(one.First), stamp(one.Last))
	}
	p("\n## What was asked for\n\n| upstream | kind | name | calls | carried out | bytes out | first | last |\n|---|---|---|---|---|---|---|---|\n")
	for _, it := range b.Items {
		p("| %s | %s | %s | %d | %d | %d | %s | %s |\n", cell(it.Upstream), cell(it.Kind), cell(it.Name), it.Calls, it.Carried, it.BytesOut, stamp(it.First), stamp(it.Last))
	}
	for _, part := range []struct {
		title string
		all   []admin.TouchCount
	}{{"What detectors saw in it", b.Findings}, {"How they came in", b.Access}, {"How it ended", b.Statuses}} {
		p("\n## %s\n\n| what | count |\n|---|---|\n", part.title)
		for _, one := range part.all {
			p("| %s | %d |\n", cell(one.What), one.Count)
		}
	}
	p("\n## What no record says\n\n")
	var err error
	for _, one := range b.ToSay {
		_, err = fmt.Fprintf(w, "- %s\n", one)
	}
	return err
}
