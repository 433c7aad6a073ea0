package validate

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// rule says what the value at a place must be, or what is wrong with it.
func rule(e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return "must be " + strings.Join(k.Want, " or ") + ", not " + k.Got
	case *kind.Required:
		return "lacks " + names(k.Missing)
	case *kind.DependentRequired:
		return "lacks " + names(k.Missing) + ", required beside " + quoted(k.Prop)
	case *kind.Dependency:
		return "lacks " + names(k.Missing) + ", required beside " + quoted(k.Prop)
	case *kind.PropertyNames:
		return "has " + quoted(k.Property) + ", a name that the schema does not allow"
	case *kind.FalseSchema:
		return "is not allowed by the schema"
	case *kind.Enum:
		return "must be " + oneOf(k.Want)
	case *kind.Const:
		return "must be " + oneOf([]any{k.Want})
	case *kind.Format:
		f, _ := formatOf(k.Want)
		return "must have the format " + quoted(k.Want) + ", such as " + f.example
	case *kind.Pattern:
		return "must match the pattern " + quoted(k.Want)
	case *kind.AnyOf:
		return alternatives(e.Causes)
	case *kind.OneOf:
		if len(k.Subschemas) > 0 {
			return "fits more than one of the alternatives and must fit one"
		}
		return alternatives(e.Causes)
	case *kind.Not:
		return "is what the schema excludes"
	case *kind.Contains, *kind.MinContains, *kind.MaxContains:
		return "has too few or too many elements of the kind asked for"
	case *kind.UniqueItems:
		return fmt.Sprintf("has the same element twice, at %d and %d", k.Duplicates[0], k.Duplicates[1])
	}
	return bound(e.ErrorKind)
}

// bound explains the keywords that compare with a number.
func bound(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Minimum:
		return "must be at least " + rational(k.Want)
	case *kind.Maximum:
		return "must be at most " + rational(k.Want)
	case *kind.ExclusiveMinimum:
		return "must be more than " + rational(k.Want)
	case *kind.ExclusiveMaximum:
		return "must be less than " + rational(k.Want)
	case *kind.MultipleOf:
		return "must be a multiple of " + rational(k.Want)
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters", k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %d elements", k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d elements", k.Want)
	case *kind.AdditionalItems:
		return "has more elements than the schema allows"
	case *kind.MinProperties:
		return fmt.Sprintf("must have at least %d members", k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("must have at most %d members", k.Want)
	}
	if path := k.KeywordPath(); len(path) > 0 {
		return "breaks the rule " + word(path[0])
	}
	return "does not fit"
}

// alternatives names the types that the branches ask for when that is all that
// is wrong, which is the usual mistake.
func alternatives(causes []*jsonschema.ValidationError) string {
	var want []string
	for _, c := range causes {
		t, ok := c.ErrorKind.(*kind.Type)
		if !ok {
			return "fits none of the alternatives"
		}
		want = append(want, t.Want...)
	}
	if len(want) == 0 {
		return "fits none of the alternatives"
	}
	return "must be " + strings.Join(want, " or ")
}

func oneOf(want []any) string {
	const most = 10
	var all []string
	for _, v := range want[:min(len(want), most)] {
		switch v := v.(type) {
		case string:
			all = append(all, quoted(v))
		case map[string]any, []any:
			return "one of the values that the schema lists"
		default:
			all = append(all, word(fmt.Sprint(v)))
		}
	}
	text := strings.Join(all, " or ")
	if len(want) > most {
		text += fmt.Sprintf(" or one of %d others", len(want)-most)
	}
	return text
}

func names(list []string) string {
	const most = 10
	list = slices.Sorted(slices.Values(list))
	var all []string
	for _, name := range list[:min(len(list), most)] {
		all = append(all, quoted(name))
	}
	text := strings.Join(all, ", ")
	if len(list) > most {
		text += fmt.Sprintf(" and %d others", len(list)-most)
	}
	return text
}

func rational(r *big.Rat) string {
	if r.IsInt() {
		return word(r.Num().String())
	}
	f, _ := r.Float64()
	return fmt.Sprint(f)
}
