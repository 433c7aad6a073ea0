// Package redact is the reply stage that rewrites what inspect has marked:
// secrets and personal data are masked, text that speaks to the model is marked
// as data, an image whose own text does is taken out. The pipeline calls it
// after inspect.
//
// It decides nothing, keeps every byte that is not marked, and returns a new
// message. One that the other stages would not let pass once it is rewritten is
// tried with masks of the same shape, and then refused.
package redact

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// Stage implements gate.ReplyStage.
type Stage struct {
	again []gate.ReplyStage
}

// New makes the stage. The stages given must let a message pass once more when
// it was rewritten: validate, which knows the output schema.
func New(again ...gate.ReplyStage) *Stage { return &Stage{again} }

// Name is "redact".
func (s *Stage) Name() string { return "redact" }

// withheld stands in place of an image or another blob.
const withheld = "[withheld by Doorward: this content holds text that speaks to the model, or that must not be read]"

// Review rewrites the message at hand as ex.Marks has it.
func (s *Stage) Review(ctx context.Context, ex *gate.Exchange, m *gate.Message) (*gate.Message, gate.Verdict, error) {
	if len(ex.Marks) == 0 {
		return nil, gate.Pass(), nil
	}
	marks := ex.Marks
	boundary, err := boundary(marks)
	if err != nil {
		return nil, gate.Verdict{}, err
	}
	var refused gate.Verdict
	for _, mask := range [...]masker{named, shaped} {
		out, err := rewrite(m, marks, mask, wrapping{from: source(ex), boundary: boundary})
		if err != nil {
			return nil, gate.Verdict{}, err
		}
		if refused, err = s.passes(ctx, ex, out); err != nil {
			return nil, gate.Verdict{}, err
		}
		if refused.Effect == gate.Continue {
			return out, refused, nil
		}
	}
	return nil, gate.Refuse(gate.CodeResultRefused,
		fmt.Sprintf("what must be masked or marked at %s cannot be without breaking the output schema: %s", marks[0].Where, refused.Reason),
		"What the server sent back was refused: it holds what must not be read, and cannot be masked."), nil
}

func (s *Stage) passes(ctx context.Context, ex *gate.Exchange, m *gate.Message) (gate.Verdict, error) {
	for _, stage := range s.again {
		if _, v, err := stage.Review(ctx, ex, m); err != nil || v.Effect != gate.Continue {
			return v, err
		}
	}
	return gate.Pass(), nil
}

func rewrite(m *gate.Message, marks []gate.Mark, mask masker, w wrapping) (*gate.Message, error) {
	list := make([]mcp.Rewriting, 0, len(marks))
	for i := range marks {
		k := &marks[i]
		if k.Drop {
			list = append(list, mcp.Rewriting{At: k.At, Text: withheld, Block: true})
			continue
		}
		text := masked(k.Text, k.Mask, mask)
		if k.Wrap {
			text = w.around(text)
		}
		list = append(list, mcp.Rewriting{At: k.At, Text: text})
	}
	out, err := mcp.Rewritten(m, list)
	if err != nil {
		return nil, fmt.Errorf("redacting: %w", err)
	}
	return out, nil
}

// source is where a text came from, for the model.
func source(ex *gate.Exchange) string {
	name := ex.Call.Name
	if it := ex.Target.Item; it != nil {
		name = it.Name
	}
	return quiet(gate.Visible(ex.Target.Upstream + "/" + name))
}

// boundary is a text that nobody who wrote the content can know: 128 random bits for
// each message, made when all of it is there. None of what is marked holds it.
func boundary(marks []gate.Mark) (string, error) {
	for {
		var b [16]byte
		if _, err := rand.Read(b[:]); err != nil {
			return "", fmt.Errorf("making a boundary: %w", err)
		}
		made := hex.EncodeToString(b[:])
		if !slices.ContainsFunc(marks, func(k gate.Mark) bool { return strings.Contains(k.Text, made) }) {
			return made, nil
		}
	}
}
