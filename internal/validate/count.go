package validate

import "github.com/santhosh-tekuri/jsonschema/v6"

// tab counts what one validation costs at most, following the library's own
// walk: every branch of anyOf is taken, every pattern of patternProperties is
// taken to match. It stops when nothing is left.
type tab struct{ left int64 }

func (t *tab) count(s *jsonschema.Schema, v any) {
	t.left -= ownUnits(s)
	if t.left < 0 || s.Bool != nil {
		return
	}
	inPlace(s, func(sub *jsonschema.Schema) {
		if t.left >= 0 {
			t.count(sub, v)
		}
	})
	switch v := v.(type) {
	case string:
		t.left -= ownPatterns(s) * int64(len(v)) / stringUnits
	case map[string]any:
		t.object(s, v)
	case []any:
		t.array(s, v)
	}
}

func (t *tab) object(s *jsonschema.Schema, obj map[string]any) {
	patterns := ownPatterns(s)
	for name, member := range obj {
		t.left -= 1 + patterns*int64(len(name))/stringUnits
		t.sub(s.Properties[name], member)
		for _, sub := range s.PatternProperties {
			t.sub(sub, member)
		}
		if additional, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
			t.sub(additional, member)
		}
		t.sub(s.UnevaluatedProperties, member)
		t.sub(s.PropertyNames, name)
		if t.left < 0 {
			return
		}
	}
}

func (t *tab) array(s *jsonschema.Schema, list []any) {
	items, _ := s.Items.(*jsonschema.Schema)
	additional, _ := s.AdditionalItems.(*jsonschema.Schema)
	tuple, _ := s.Items.([]*jsonschema.Schema)
	for i, element := range list {
		t.left--
		if i < len(tuple) {
			t.sub(tuple[i], element)
		}
		if i < len(s.PrefixItems) {
			t.sub(s.PrefixItems[i], element)
		}
		for _, sub := range [...]*jsonschema.Schema{items, additional, s.Items2020, s.Contains, s.UnevaluatedItems} {
			t.sub(sub, element)
		}
		if t.left < 0 {
			return
		}
	}
}

func (t *tab) sub(s *jsonschema.Schema, v any) {
	if s != nil && t.left >= 0 {
		t.count(s, v)
	}
}
