package convert

import (
	"path"
	"path/filepath"
	"slices"
)

// composeSecret is a secret of a whole file: a path, or why there is none.
type composeSecret struct{ path, why string }

func (c *conversion) composeSecrets(f File, top field, secrets map[string]composeSecret) {
	list, ok := mapping(top.value)
	if !ok && !isNull(top.value) {
		c.note(place{f.Path, top.line}, Lost, top.key, "not a mapping of names to secrets")
	}
	for _, item := range list {
		secret := composeSecret{why: "it is no file"}
		options, _ := mapping(item.value)
		for _, o := range options {
			text, ok := scalar(o.value)
			switch {
			case o.key == "environment":
				secret.why = "it is a variable of Compose's environment: put it into a file"
			case o.key == "external" && text == "true":
				secret.why = "it is external: only Docker has it, put it into a file"
			case o.key == "file" && ok:
				secret.path = text
				if !filepath.IsAbs(text) {
					secret.path = filepath.Join(filepath.Dir(f.Path), text)
				}
			}
		}
		secrets[item.key] = secret
	}
}

// useSecrets reads a list of names, or of {source, target}.
func (s *composeItem) useSecrets(f field) {
	list := target(f.value)
	if list == nil || !slices.Contains([]string{"!!seq", "!!null"}, list.Tag) {
		s.lost(f, "not a list of secrets")
		return
	}
	for _, item := range list.Content {
		at := field{f.key, item.Line, item}
		name, ok := scalar(item)
		to := name
		if !ok {
			options, _ := mapping(item)
			for _, o := range options {
				switch text, _ := scalar(o.value); o.key {
				case "source":
					name = text
				case "target":
					to = text
				}
			}
			if to == "" {
				to = name
			}
		}
		s.useSecret(at, name, to)
	}
}

func (s *composeItem) useSecret(f field, name, to string) {
	secret, there := s.secrets[name]
	switch {
	case !there:
		s.lost(f, "%q: there is no such secret", name)
		return
	case secret.path == "":
		s.lost(f, "%s: %s", name, secret.why)
		return
	}
	file, ok := s.fixed(f, secret.path)
	if !ok {
		return
	}
	if !filepath.IsAbs(file) {
		s.lost(f, "%s: %q is no absolute path", name, file)
		return
	}
	looks := to
	if !path.IsAbs(to) {
		looks = "/run/secrets/" + to
	} else {
		to = path.Base(to)
	}
	if _, taken := s.spec.Credentials[to]; taken {
		s.lost(f, "%s: there is another credential %q", name, to)
	} else if err := s.credential(to, file); err != nil {
		s.lost(f, "%s: %v", name, err)
	} else {
		s.about(f, "it is $%s/%s here, and not %s", credentialsDirectory, to, looks)
	}
}
