package validate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Bounds of one schema, checked before it is compiled.
const (
	maxSchemaBytes   = 256 << 10
	maxSubschemas    = 2000   // JSON objects in it: compiling compares each with each
	maxSchemaValues  = 50_000 // JSON values in it
	schemaURL        = "mem:///schema.json"
	maxCompileErrors = 400 // bytes of a compile error kept for the log
)

var (
	errBudget   = errors.New("it is too large to be checked against this schema")
	errExternal = errors.New("references outside the schema are not followed")
)

// checker is one compiled schema with what it may cost. Any number of
// goroutines may use it.
type checker struct {
	schema *jsonschema.Schema
	cost   cost
	meter  *meter // nil unless a pattern backtracks
}

// use says what a schema is for.
type use bool

// Formats are asserted of arguments, which a model writes and can write again. An
// upstream's results are not refused for them.
const (
	forArguments use = true
	forResults   use = false
)

// newChecker compiles a schema: its draft by $schema, 2020-12 without one
// (2026-07-28, tools; drafts 4 to 2020-12 are known).
func newChecker(raw []byte, what use) (*checker, error) {
	if len(raw) > maxSchemaBytes {
		return nil, fmt.Errorf("the schema is larger than %d bytes", maxSchemaBytes)
	}
	in, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("the schema: %w", err)
	}
	if _, ok := in.value.(map[string]any); !ok {
		return nil, errors.New("the schema is not an object")
	}
	if in.elements > maxSchemaValues {
		return nil, fmt.Errorf("the schema has more than %d values", maxSchemaValues)
	}
	if objects(in.value) > maxSubschemas {
		return nil, fmt.Errorf("the schema has more than %d subschemas", maxSubschemas)
	}
	p := &patterns{}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(nowhere{})
	c.UseRegexpEngine(p.compile)
	if what == forArguments {
		c.AssertFormat()
	}
	if err := c.AddResource(schemaURL, in.value); err != nil {
		return nil, fmt.Errorf("adding the schema: %w", err)
	}
	s, err := c.Compile(schemaURL)
	if err != nil {
		return nil, compileError(err)
	}
	assertFormats(s, what == forArguments, map[*jsonschema.Schema]bool{})
	weight, err := weigh(s)
	if err != nil {
		return nil, err
	}
	return &checker{schema: s, cost: weight, meter: p.meter}, nil
}

// nowhere is a loader that loads nothing: the library's own reads files.
type nowhere struct{}

// Load refuses every URL.
func (nowhere) Load(string) (any, error) { return nil, errExternal }

func compileError(err error) error {
	text := err.Error()
	if len(text) > maxCompileErrors {
		text = text[:maxCompileErrors] + "…"
	}
	return errors.New(text)
}

func objects(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		n = 1
		for _, member := range v {
			n += objects(member)
		}
	case []any:
		for _, element := range v {
			n += objects(element)
		}
	}
	return n
}

// check validates a value. The error is a *jsonschema.ValidationError, one of
// the package's own, or ctx's. ctx bounds the wait for a schema with
// backtracking patterns alone: the validation itself is bounded by its cost.
func (c *checker) check(ctx context.Context, in instance) error {
	if !c.cost.affords(c.schema, in) {
		return errBudget
	}
	return c.run(ctx, func() error { return c.schema.Validate(in.value) })
}

// run lets f match the schema's patterns, within the time that backtracking ones
// have.
func (c *checker) run(ctx context.Context, f func() error) (err error) {
	if c.meter == nil {
		return f()
	}
	select {
	case c.meter.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() {
		<-c.meter.turn
		if p := recover(); p != nil {
			if p != any(errSlow) {
				panic(p)
			}
			err = errSlow
		}
	}()
	c.meter.deadline = time.Now().Add(maxBacktracking)
	return f()
}
