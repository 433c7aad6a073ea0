package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"doorward/internal/app"
	"doorward/internal/config"
	"doorward/internal/docs/evaluate"
	"doorward/internal/durable"
)

func (r *run) docsEval() *cobra.Command {
	var meant meantFlags
	var mode string
	var roles []string
	var least float64
	var misses bool
	c := &cobra.Command{
		Use: "eval FILE", Short: "Measure what is found by questions with known answers", Args: cobra.ExactArgs(1),
		Long: `Ask the questions of a file, and tell how often a document that answers one is among the first
1, 3, 5 and 10 (recall), how far ahead on average (MRR, the mean of 1/place), and how long a
search took. The file is a list in YAML or JSON, or JSON lines (.jsonl):

  - question: how do I get a key
    expect: [keys.md]          # the end of a URI, or a whole one; several where each answers it
    heading: Create            # optional: the passage stands under a heading with this in it

What is expected and is not in the index, or may not be read, is named on standard error.
With --least it exits 3 where recall@5 of a mode is less.`,
		Example: `  doorward docs eval questions.yaml
  doorward docs eval --mode hybrid --least 0.8 questions.yaml
  doorward docs eval --misses questions.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			set := evaluate.Settings{Roles: rolesOf(roles)}
			if mode != "" {
				if err := checkMode(mode); err != nil {
					return err
				}
				set.Modes = []string{mode}
			}
			questions, err := readQuestions(args[0])
			if err != nil {
				return failed(err)
			}
			return r.documents(meant, func(cfg *config.Config, d *app.Documents) error {
				scores, err := evaluate.Run(cmd.Context(), d.Library, questions, set)
				if err != nil {
					return err
				}
				if slices.ContainsFunc(scores, func(s evaluate.Score) bool { return len(s.Missed) > 0 }) {
					r.hintRoles(cfg, &meant, roles)
				}
				absent, err := evaluate.Absent(cmd.Context(), d.Library, scores, set.Roles)
				if err != nil {
					return err
				}
				r.warnAbsent(absent)
				return r.putScores(scores, misses, least)
			})
		},
	}
	meant.add(c)
	c.Flags().StringVar(&mode, "mode", "", "hybrid, words or meaning; all three unless given")
	c.Flags().StringArrayVar(&roles, "role", nil, "a role of who asks; may be given several times")
	c.Flags().Float64Var(&least, "least", 0, "exit 3 where recall@5 is less, 0 to 1")
	c.Flags().BoolVar(&misses, "misses", false, "list the questions that found no answer among the first 10 documents")
	return c
}

// maxAbsent is how many documents that are not there are named.
const maxAbsent = 20

// warnAbsent names what no search could have found.
func (r *run) warnAbsent(absent []string) {
	for i, e := range absent {
		if i == maxAbsent {
			r.warn("and %d more", len(absent)-i)
			return
		}
		r.warn("expected %s: no document in the index has this URI, or an end of it after a /, or nobody with these roles may read it", visible(e))
	}
}

// readQuestions reads a file of questions.
func readQuestions(path string) ([]evaluate.Question, error) {
	f, err := durable.OpenNamed(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, evaluate.MaxFile+1))
	if err != nil {
		return nil, err
	}
	return evaluate.Read(filepath.Base(path), raw)
}

func (r *run) putScores(scores []evaluate.Score, misses bool, least float64) error {
	err := r.put(scores, func(w io.Writer) error {
		err := evaluate.Table(w, scores)
		for i := range scores {
			for _, m := range scores[i].Missed {
				if misses {
					_, _ = fmt.Fprintf(w, "%s: %s\n  expected %s\n  found %s\n", scores[i].Mode, visible(m.Question), visible(fmt.Sprint(m.Expect)), visible(fmt.Sprint(m.Found)))
				}
			}
		}
		return err
	})
	for i := range scores {
		if scores[i].Recall[5] < least {
			return errors.Join(err, &exit{code: exitFindings, err: fmt.Errorf("recall@5 of %s is %.3f, and is to be %.3f", scores[i].Mode, scores[i].Recall[5], least)})
		}
	}
	return err
}
