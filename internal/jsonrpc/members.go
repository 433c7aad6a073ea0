package jsonrpc

// Members calls yield for every member of the object raw, in order: the unescaped name, and the spans of the
// key and the value in raw. Values are stepped over without being judged, so raw should be part of a message
// that Parse accepted; other bytes are safe, and end in a *Fault where they stop looking like an object. An
// error of yield ends the walk and is returned as it is.
func Members(raw []byte, yield func(name string, key, value Span) error) error {
	return walk(raw, '{', '}', func(i int) (int, error) {
		end, ok := skipValue(raw, i)
		if !ok || raw[i] != '"' {
			return 0, notJSON("key is not a string")
		}
		key := Span{i, end}
		if i = skipSpace(raw, end); i >= len(raw) || raw[i] != ':' {
			return 0, notJSON("no colon after a key")
		}
		value, ok := spanAt(raw, skipSpace(raw, i+1))
		if !ok {
			return 0, notJSON("no value after a key")
		}
		name, known := intern(raw[key.Start+1 : key.End-1])
		if !known {
			if name, ok = unquote(raw[key.Start:key.End]); !ok {
				return 0, notJSON("malformed key")
			}
		}
		return value.End, yield(name, key, value)
	})
}

// Elements calls yield with the span in raw of every element of the array raw, in order. It promises what
// Members promises.
func Elements(raw []byte, yield func(value Span) error) error {
	return walk(raw, '[', ']', func(i int) (int, error) {
		value, ok := spanAt(raw, i)
		if !ok {
			return 0, notJSON("no value after a comma")
		}
		return value.End, yield(value)
	})
}

func spanAt(raw []byte, i int) (Span, bool) {
	end, ok := skipValue(raw, i)
	return Span{i, end}, ok
}

// walk steps through the items of a container; item reads the one that starts at i and returns its end.
func walk(raw []byte, first, last byte, item func(i int) (int, error)) error {
	i := skipSpace(raw, 0)
	if i >= len(raw) || raw[i] != first {
		return notJSON("value does not start with " + string(first))
	}
	if i = skipSpace(raw, i+1); i < len(raw) && raw[i] == last {
		return ended(raw, i+1)
	}
	for {
		end, err := item(i)
		if err != nil {
			return err
		}
		if i = skipSpace(raw, end); i >= len(raw) {
			return notJSON("value does not end with " + string(last))
		}
		switch raw[i] {
		case last:
			return ended(raw, i+1)
		case ',':
			i = skipSpace(raw, i+1)
		default:
			return notJSON("no comma between two items")
		}
	}
}

func ended(raw []byte, i int) error {
	if skipSpace(raw, i) < len(raw) {
		return notJSON("bytes after the end of the value")
	}
	return nil
}
