package main

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep objects and arrays may be nested within a record.
const maxDepth = 512

// keys are a record's keys, and whether a value may stand there.
var keys = map[string]func(value any) bool{
	"cost_usd":    isAmount,
	"entry_id":    isID,
	"input_text":  isText,
	"latency_ms":  isAmount,
	"metadata":    isObject,
	"model":       isName,
	"output_text": isText,
	"timestamp":   isTime,
	"user":        isName,
}

// isRecord reports whether a line is a record of a log: see "Lines of other programs" in docs/format.md.
func isRecord(line []byte) bool {
	if !utf8.Valid(line) || !json.Valid(line) {
		return false
	}
	p := parser{text: string(line)}
	record, ok := p.value(0).(object)
	if p.refused || !ok || len(record) != len(keys) {
		return false
	}
	for key, fits := range keys {
		value, there := record[key]
		if !there || !fits(value) {
			return false
		}
	}
	return true
}

// isText allows lone surrogates, which a model may have produced.
func isText(value any) bool {
	_, ok := value.(string)
	return ok
}

func isName(value any) bool {
	text, ok := value.(string)
	return ok && utf8.ValidString(text)
}

func isID(value any) bool {
	return isName(value) && !strings.Contains(value.(string), "\x00")
}

func isAmount(value any) bool {
	_, ok := value.(float64)
	return ok || value == nil
}

func isObject(value any) bool {
	_, ok := value.(object)
	return ok
}

var iso8601 = regexp.MustCompile(
	`^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?:(:\d{2})(?:[.,]\d{1,9})?)?(?:Z|[+-](\d{2}):?(\d{2}))?)?$`)

// isTime reports whether a value is a date, or a date and time, of ISO 8601.
func isTime(value any) bool {
	text, ok := value.(string)
	parts := iso8601.FindStringSubmatch(text)
	if !ok || parts == nil {
		return false
	}
	date, clock, seconds, zoneHours, zoneMinutes := parts[1], parts[2], parts[3], parts[4], parts[5]
	if clock == "" {
		clock = "00:00"
	}
	if seconds == "" {
		seconds = ":00"
	}
	// time.Parse knows the lengths of months, and refuses 24:00 and leap seconds.
	_, err := time.Parse("2006-01-02 15:04:05", date+" "+clock+seconds)
	return err == nil && zoneHours <= "23" && zoneMinutes <= "59"
}

type object map[string]any

// A parser reads JSON that json.Valid accepts into nil, bool, float64, string, []any and object, as
// encoding/json would, but for what that cannot tell: whether a key is there twice, and whether a string
// has lone surrogates.
type parser struct {
	text    string
	at      int
	refused bool // by a rule that goes beyond JSON
}

func (p *parser) value(depth int) any {
	p.space()
	switch c := p.text[p.at]; c {
	case '{', '[':
		if depth > maxDepth {
			p.refused = true
		}
		if p.refused {
			return nil
		}
		if c == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case '"':
		return p.string()
	}
	start := p.at
	for p.at < len(p.text) && !strings.ContainsRune(" \t\r\n,]}", rune(p.text[p.at])) {
		p.at++
	}
	switch word := p.text[start:p.at]; word {
	case "null":
		return nil
	case "true", "false":
		return word == "true"
	default:
		number, err := strconv.ParseFloat(word, 64)
		if err != nil { // beyond the range of a double
			p.refused = true
		}
		return number
	}
}

func (p *parser) object(depth int) any {
	members := object{}
	for !p.refused && p.next('}') {
		key := p.string()
		if _, there := members[key]; there {
			p.refused = true
		}
		p.space()
		p.at++ // the colon
		members[key] = p.value(depth + 1)
	}
	return members
}

func (p *parser) array(depth int) any {
	items := []any{}
	for !p.refused && p.next(']') {
		items = append(items, p.value(depth+1))
	}
	return items
}

// next goes past a bracket or comma to what follows, and past the closing bracket when that follows.
func (p *parser) next(closing byte) bool {
	p.space()
	if p.text[p.at] != closing {
		p.at++
		p.space()
	}
	if p.text[p.at] == closing {
		p.at++
		return false
	}
	return true
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

var escapes = map[byte]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// string reads a string. A lone surrogate becomes three bytes that utf8.Valid refuses, as UTF-8 would write it
// if it could.
func (p *parser) string() string {
	p.at++
	var text []byte
	for ; ; p.at++ {
		plain := strings.IndexAny(p.text[p.at:], "\"\\")
		text = append(text, p.text[p.at:p.at+plain]...)
		p.at += plain + 1
		if p.text[p.at-1] == '"' {
			return string(text)
		}
		if char, ok := escapes[p.text[p.at]]; ok {
			text = append(text, char)
			continue
		}
		unit := p.hex()
		if utf16.IsSurrogate(unit) {
			if pair := p.text[p.at+1:]; strings.HasPrefix(pair, `\u`) {
				second := parser{text: pair, at: 1}
				if r := utf16.DecodeRune(unit, second.hex()); r != utf8.RuneError {
					text = utf8.AppendRune(text, r)
					p.at += len(`\uXXXX`)
					continue
				}
			}
			text = append(text, 0xe0|byte(unit>>12), 0x80|byte(unit>>6&0x3f), 0x80|byte(unit&0x3f))
			continue
		}
		text = utf8.AppendRune(text, unit)
	}
}

// hex reads the digits of an escape, from its "u" to its last digit.
func (p *parser) hex() rune {
	unit, _ := strconv.ParseUint(p.text[p.at+1:p.at+5], 16, 16)
	p.at += 4
	return rune(unit)
}
