package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"doorward/internal/app"
	"doorward/internal/config"
	"doorward/internal/docs"
)

// foundJSON is a passage that was found.
type foundJSON struct {
	URI     string  `json:"uri"`
	Passage string  `json:"passage"`
	Title   string  `json:"title"`
	Heading string  `json:"heading,omitempty"`
	Origin  string  `json:"origin"`
	Start   int     `json:"start"`
	Score   float64 `json:"score"`
	Words   int     `json:"by_words,omitempty"`
	Meaning int     `json:"by_meaning,omitempty"`
	Text    string  `json:"text"`
}

func (r *run) docsSearch() *cobra.Command {
	var meant meantFlags
	var roles []string
	q := docs.Question{}
	c := &cobra.Command{
		Use: "search QUESTION", Short: "Find passages, as a client would", Args: cobra.MinimumNArgs(1),
		Long: `Find passages by their words, by their meaning, or by both (hybrid), best first. Documents that
access gives to some roles are found with --role alone. What stands in passages was written by
whoever wrote the documents.`,
		Example: `  doorward docs search how do I get a key
  doorward docs search --mode words -k 3 --role lead "notice period"
  doorward docs search --source handbook --format json backups`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkMode(q.Mode); err != nil {
				return err
			}
			if q.Most < 1 || q.Most > docs.MaxFound {
				return fmt.Errorf("-k %d: want 1 to %d", q.Most, docs.MaxFound)
			}
			q.Text, q.Roles = strings.Join(args, " "), rolesOf(roles)
			return r.documents(meant, func(cfg *config.Config, d *app.Documents) error {
				found, err := d.Library.Search(cmd.Context(), q)
				if err != nil {
					return err
				}
				all := make([]foundJSON, 0, len(found))
				for i := range found {
					f := &found[i]
					all = append(all, foundJSON{
						URI: f.Document.URI, Passage: f.Passage.ID, Title: f.Document.Title, Heading: f.Passage.Heading, Origin: f.Document.Origin,
						Start: f.Passage.Start, Score: f.Score, Words: f.ByWords, Meaning: f.ByMeaning, Text: f.Passage.Text,
					})
				}
				if len(all) == 0 {
					r.hintRoles(cfg, &meant, roles)
				}
				return r.put(all, func(w io.Writer) error { return foundText(w, all) })
			})
		},
	}
	meant.add(c)
	c.Flags().StringVar(&q.Mode, "mode", docs.Hybrid, "hybrid, words or meaning")
	c.Flags().IntVarP(&q.Most, "most", "k", 5, "passages at most")
	c.Flags().StringArrayVar(&roles, "role", nil, "a role of who asks; may be given several times")
	c.Flags().StringVar(&q.Source, "source", "", "documents of this source alone")
	c.Flags().StringVar(&q.Under, "under", "", "documents whose URI begins with this alone")
	return c
}

// hintRoles says why somebody who asks as nobody may find nothing.
func (r *run) hintRoles(cfg *config.Config, meant *meantFlags, roles []string) {
	if len(roles) > 0 || r.quiet {
		return
	}
	for name, u := range cfg.Upstreams {
		if u.Builtin == config.BuiltinDocs && (meant.upstream == "" || meant.upstream == name) && len(u.Access) > 0 {
			_, _ = fmt.Fprintf(r.errs(), "access of %s gives documents to roles: --role ROLE asks as somebody who has one\n", name)
			return
		}
	}
}

// excerpt is how many bytes of a passage people are shown.
const excerpt = 240

func foundText(w io.Writer, all []foundJSON) error {
	for i := range all {
		f := &all[i]
		at := f.Title
		if f.Heading != "" {
			at += " > " + f.Heading
		}
		text := strings.Join(strings.Fields(f.Text), " ")
		if len(text) > excerpt {
			text = strings.ToValidUTF8(text[:excerpt], "") + "…"
		}
		if _, err := fmt.Fprintf(w, "%d. %s\n   %s  (words %s, meaning %s)\n   %s\n", i+1, visible(at), visible(f.URI), placeText(f.Words), placeText(f.Meaning), visible(text)); err != nil {
			return err
		}
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "nothing was found")
		return err
	}
	return nil
}

// placeText is a place in a list.
func placeText(n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("#%d", n)
}
