package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// jsonlSource reads one JSON object a line; blank lines are passed over. true and
// false become 1 and 0, nested values keep their JSON text.
type jsonlSource struct{ lines }

func (s *jsonlSource) columns() []string { return nil }

func (s *jsonlSource) next() (record, error) {
	for {
		line, rec, err := s.read()
		if err != nil {
			return rec, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if rec.fields, err = parseObject(line); err != nil {
			return rec, &RowError{"line", s.line, err}
		}
		return rec, nil
	}
}

// parseObject reads a JSON object, keeping the order of its fields: the columns
// of the table come in the order of the first line.
func parseObject(line []byte) ([]field, error) {
	if !utf8.Valid(line) {
		i := invalidUTF8(string(line))
		return nil, fmt.Errorf("byte %d is 0x%02x, want text in UTF-8", i+1, line[i])
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	tok, err := dec.Token()
	if err != nil {
		return nil, jsonError(err)
	}
	if tok != json.Delim('{') {
		return nil, fmt.Errorf("got %s, want a JSON object", describe(tok))
	}
	var fields []field
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, jsonError(err)
		}
		name, ok := tok.(string)
		if !ok {
			return nil, fmt.Errorf("got %s, want the name of a field", describe(tok))
		}
		if seen[name] {
			return nil, fmt.Errorf("field %q is there twice", name)
		}
		seen[name] = true
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, jsonError(err)
		}
		f, err := jsonField(name, raw)
		if err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	if _, err := dec.Token(); err != nil {
		return nil, jsonError(err)
	}
	if rest := bytes.TrimSpace(line[dec.InputOffset():]); len(rest) > 0 {
		return nil, fmt.Errorf("got %q after the JSON object, want one object a line", rest[:min(len(rest), 20)])
	}
	return fields, nil
}

func jsonField(name string, raw json.RawMessage) (field, error) {
	f := field{name: name, kind: kindText, text: string(raw)}
	switch raw[0] {
	case 'n':
		f.kind, f.text = kindNull, ""
	case 't':
		f.kind, f.text = kindInteger, "1"
	case 'f':
		f.kind, f.text = kindInteger, "0"
	case '"':
		if err := json.Unmarshal(raw, &f.text); err != nil {
			return f, jsonError(err)
		}
	case '[':
		f.list = true
	case '{':
	default:
		f.kind = numberKind(f.text)
	}
	return f, nil
}

func jsonError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON object is cut off")
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%s, want a JSON object", syntax.Error())
	}
	return err
}

func describe(tok json.Token) string {
	switch tok := tok.(type) {
	case json.Delim:
		return map[json.Delim]string{'[': "a JSON array", ']': "]", '}': "}", '{': "a JSON object"}[tok]
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	}
	return "null"
}
