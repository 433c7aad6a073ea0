package clients

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// field is one member of an entry that install writes, in its order. value is a
// string, a []string or a []field.
type field struct {
	key   string
	value any
}

// edit is one change of a document. Names are of servers below root.
type edit struct {
	root  []string
	put   []field  // the entry of Doorward, of the name Name; nil: none is to be there
	input []field  // the prompt for its key, where there is none; nil: none is to be there
	drop  []string // other servers to take out
	from  document // where those to put back come from; may be nil
	back  []string // servers to put back, where there is none of that name
}

// document is a client's file, edited so that everything else in it, comments
// and all, stays as it is.
type document interface {
	apply(e edit) error
	encode() []byte
}

func open(f format, data []byte) (document, error) {
	if f == formatTOML {
		return openTOML(data), nil
	}
	return openJSON(data)
}

// change applies an edit to a file, and checks that the result says what it
// must and nothing else is different. When there is nothing to do, the very
// bytes of data come back.
func change(f format, data []byte, e edit) ([]byte, error) {
	before, err := decode(f, data)
	if err != nil {
		return nil, err
	}
	want, err := decode(f, data)
	if err != nil {
		return nil, err
	}
	if err := e.tree(f, want); err != nil {
		return nil, err
	}
	if reflect.DeepEqual(before, want) {
		return data, nil
	}
	doc, err := open(f, data)
	if err != nil {
		return nil, err
	}
	if err := doc.apply(e); err != nil {
		return nil, err
	}
	out := doc.encode()
	after, err := decode(f, out)
	if err != nil || !reflect.DeepEqual(prune(after, e.root), prune(want, e.root)) {
		return nil, errors.New("it is written in a way that cannot be edited safely; --print shows what to write there by hand")
	}
	return out, nil
}

// tree makes the same change on a decoded file.
func (e edit) tree(f format, tree map[string]any) error {
	servers, err := descend(tree, e.root, e.put != nil || len(e.back) > 0)
	if err != nil || servers == nil {
		return err
	}
	if e.put != nil {
		servers[Name] = plainly(e.put)
	} else {
		delete(servers, Name)
	}
	for _, name := range e.drop {
		delete(servers, name)
	}
	if len(e.back) > 0 {
		original, err := decode(f, e.from.encode())
		if err != nil {
			return err
		}
		for _, name := range e.back {
			if s, ok := at(original, e.root)[name]; ok && servers[name] == nil {
				servers[name] = s
			}
		}
	}
	return e.prompt(tree)
}

// prompt changes the list of prompts beside the servers.
func (e edit) prompt(tree map[string]any) error {
	holder, err := descend(tree, e.root[:len(e.root)-1], false)
	if err != nil || holder == nil {
		return err
	}
	list, ok := holder["inputs"].([]any)
	if holder["inputs"] != nil && !ok {
		if e.input == nil {
			return nil
		}
		return errors.New("inputs is no list")
	}
	ours := func(p any) bool { m, ok := p.(map[string]any); return ok && m["id"] == keyInput }
	switch has := slices.ContainsFunc(list, ours); {
	case e.input != nil && !has:
		holder["inputs"] = append(list, plainly(e.input))
	case e.input == nil && has:
		holder["inputs"] = slices.DeleteFunc(slices.Clone(list), ours)
	}
	return nil
}

// descend follows keys. What is missing is made where missing says so, else the
// answer is nil.
func descend(tree map[string]any, keys []string, missing bool) (map[string]any, error) {
	for i, k := range keys {
		next, ok := tree[k].(map[string]any)
		switch {
		case ok:
		case tree[k] != nil:
			return nil, fmt.Errorf("%s is not what a client writes there", strings.Join(keys[:i+1], "."))
		case !missing:
			return nil, nil
		default:
			next = map[string]any{}
			tree[k] = next
		}
		tree = next
	}
	return tree, nil
}

// prune forgets containers that are there and empty: an edit may leave one.
func prune(tree map[string]any, root []string) map[string]any {
	holder := at(tree, root[:len(root)-1])
	if list, ok := holder["inputs"].([]any); ok && len(list) == 0 {
		delete(holder, "inputs")
	}
	for i, key := range slices.Backward(root) {
		holder := at(tree, root[:i])
		if m, ok := holder[key].(map[string]any); ok && len(m) == 0 {
			delete(holder, key)
		}
	}
	return tree
}

// plainly is fields as decode would give them.
func plainly(fields []field) map[string]any {
	m := make(map[string]any, len(fields))
	for _, f := range fields {
		switch v := f.value.(type) {
		case []field:
			m[f.key] = plainly(v)
		case []string:
			list := make([]any, len(v))
			for i, s := range v {
				list[i] = s
			}
			m[f.key] = list
		default:
			m[f.key] = v
		}
	}
	return m
}
