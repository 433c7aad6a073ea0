package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Changes are the keys under which two configurations differ, sorted: "limits", and of what
// has names the name too, "roles.reader". What was added or taken away is not told from
// what is otherwise now.
func Changes(was, is *Config) []string {
	var list []string
	a, b := reflect.ValueOf(was).Elem(), reflect.ValueOf(is).Elem()
	for i := range a.NumField() {
		key, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case key == "-" || reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()):
		case a.Field(i).Kind() == reflect.Map:
			list = append(list, differing(key, a.Field(i), b.Field(i))...)
		default:
			list = append(list, key)
		}
	}
	slices.Sort(list)
	return list
}

// differing are the names under a key whose values differ.
func differing(key string, a, b reflect.Value) []string {
	all := map[string]reflect.Value{}
	for _, m := range [...]reflect.Value{a, b} {
		for _, name := range m.MapKeys() {
			all[name.String()] = name
		}
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		x, y := a.MapIndex(all[name]), b.MapIndex(all[name])
		if !x.IsValid() || !y.IsValid() || !reflect.DeepEqual(x.Interface(), y.Interface()) {
			list = append(list, key+"."+name)
		}
	}
	return list
}
