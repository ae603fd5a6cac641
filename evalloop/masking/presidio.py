"""The one door to Presidio: personal data found by its recognizers and, where one is installed, a language model.

Presidio would fetch a model that is missing, and a list of domain endings; here both come from what is installed or not
at all. Its recognizers of numbers are used whatever the language: a number with a check digit has none.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

from evalloop.errors import ConfigError, UsageError
from evalloop.masking.finder import Find, Finder
from evalloop.masking.forms import MASKER
from evalloop.masking.masker import Masker, Masking

try:
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer, PatternRecognizer, RecognizerRegistry
    from presidio_analyzer import predefined_recognizers as predefined
    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
except ImportError as error:
    raise UsageError(f"the masker presidio needs {error.name}",
                     fix="python -m pip install 'evalloop-harness[presidio]', or set masker = \"regex\"") from None

BY_MODEL = ("LOCATION", "NRP", "ORGANIZATION", "PERSON")
"""Kinds that only a model finds."""
USUAL = ("CREDIT_CARD", "CRYPTO", "EMAIL_ADDRESS", "ES_NIE", "ES_NIF", "FI_PERSONAL_IDENTITY_CODE", "IBAN_CODE",
         "IT_FISCAL_CODE", "KR_RRN", "LOCATION", "MAC_ADDRESS", "PERSON", "PHONE_NUMBER", "SG_NRIC_FIN", "UK_NINO",
         "US_ITIN", "US_SSN")
"""What is looked for by default: kinds of a form that little else has."""
_OURS = {"CREDIT_CARD": "card", "EMAIL_ADDRESS": "email", "IP_ADDRESS": "ip", "PHONE_NUMBER": "phone",
         "IBAN_CODE": "iban"}
_NO_MODEL = "en"
WORDS_OF = 1000
"""Texts whose words are remembered together."""
LEAST_DIGITS = 6
"""A telephone number has no fewer."""


def open_presidio(choice: Masking) -> Masker:
    """The masker of forms and Presidio; ConfigError when the choice asks for what is not there."""
    finder = Finder(_Presidio(choice).find)
    return Masker(f"{MASKER}+presidio-{version('presidio-analyzer')}", finder.text, finder.value)


class _Presidio:
    """Presidio's analyzer for a choice; one thread at a time."""

    def __init__(self, choice: Masking) -> None:
        models = dict(map(_model, choice.models)) or {_NO_MODEL: ""}
        first = next(iter(models))
        own = _own_patterns(choice.patterns, first)
        known = {each.supported_entities[0]: each for each in [*_patterns(first), *own]}
        wanted = _wanted(choice, known)
        named = [each for each in wanted if each in BY_MODEL and choice.models]
        numbers = [*(each for name, each in known.items() if name in wanted and each not in own), *own]
        self._kinds = {first: [each.supported_entities[0] for each in numbers]}
        recognizers = list(numbers)
        for language in models if named else ():
            recognizers.append(predefined.SpacyRecognizer(supported_language=language, supported_entities=named))
            self._kinds[language] = [*self._kinds.get(language, ()), *named]
        engine = _Pipelines(models)
        engine.load()
        self._pipelines = tuple(engine.nlp.values())
        self._analyzer = AnalyzerEngine(RecognizerRegistry(recognizers, supported_languages=list(models)), engine,
                                        supported_languages=list(models), default_score_threshold=choice.score)
        self._lock, self._zones, self._read = Lock(), ExitStack(), 0

    def find(self, text: str) -> list[Find]:
        """All that is found in a text."""
        with self._lock:
            self._forget_words()
            return [Find(each.start, each.end, each.score, _OURS.get(each.entity_type, each.entity_type.lower()))
                    for language, kinds in self._kinds.items() if kinds
                    for each in self._analyzer.analyze(text, language, entities=kinds)]

    def _forget_words(self) -> None:
        """Words of users do not stay in the vocabulary: neither does a collector grow for ever."""
        if self._read % WORDS_OF == 0:
            self._zones.close()
            for pipeline in self._pipelines:
                self._zones.enter_context(pipeline.memory_zone())
        self._read += 1


class _Pipelines(SpacyNlpEngine):  # type: ignore[misc]
    """The pipeline of each language: an installed model, or (no name) one that only tells words apart."""

    def __init__(self, models: Mapping[str, str]) -> None:
        super().__init__([{"lang_code": language, "model_name": name} for language, name in models.items()])

    def load(self) -> None:
        """Loads what is installed; nothing is ever fetched."""
        self.nlp = {each["lang_code"]: _pipeline(each["lang_code"], each["model_name"]) for each in self.models}
        labels = {str(label) for nlp in self.nlp.values() for each in nlp.pipe_labels.values() for label in each}
        known = NerModelConfiguration()
        unknown = sorted(labels - known.model_to_presidio_entity_mapping.keys())
        self.ner_model_configuration = known.model_copy(update={"labels_to_ignore": unknown})

    def process_text(self, text: str, language: str) -> Any:
        """The words of a text; their lower case stands for the stem where the pipeline knows none, for Presidio looks
        for words such as "phone" near a number by it."""
        words = self.nlp[language](text)
        for word in words:
            if not word.lemma_:
                word.lemma_ = word.lower_
        return self._doc_to_nlp_artifact(words, language)


def _pipeline(language: str, name: str) -> Any:
    if not name:
        return spacy.blank(language)
    try:
        made = spacy.load(name)
    except OSError:
        raise ConfigError(f"the spaCy model {name!r} is not installed", key="masker_models",
                          fix=f"python -m spacy download {name}, or name the folder of a model, or leave masker_models "
                              "empty to do without names of people and places") from None
    except Exception as error:
        raise ConfigError(f"the spaCy model {name!r} cannot be loaded: {type(error).__name__}: {error}"[:300],
                          key="masker_models", fix=f"install one for spaCy {spacy.__version__}") from None
    if made.lang not in (language, "xx"):
        raise ConfigError(f"the spaCy model {name!r} is for the language {made.lang!r}", key="masker_models",
                          fix=f"write {made.lang}={name}")
    return made


def _model(text: str) -> tuple[str, str]:
    language, _, name = text.partition("=")
    if not (language.isalpha() and name):
        raise ConfigError(f"{text!r} names no language and model", key="masker_models", fix="write en=en_core_web_sm")
    return language, name


class _Email(predefined.EmailRecognizer):  # type: ignore[misc]
    """The same with the domain endings that tldextract brings: Presidio's asks the network for news of them."""

    _endings = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def validate_result(self, pattern_text: str) -> bool:
        return bool(self._endings(pattern_text).fqdn)


class _Phone(predefined.PhoneRecognizer):  # type: ignore[misc]
    """The same, after a quick look: it goes through a text once for each of its eight regions."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> Any:
        few = sum(map(str.isdigit, text)) < LEAST_DIGITS
        return [] if few else super().analyze(text, entities, nlp_artifacts)


_BETTER = {predefined.EmailRecognizer: _Email, predefined.PhoneRecognizer: _Phone}


def _patterns(language: str) -> Iterator[EntityRecognizer]:
    """Presidio's recognizers that need no model, also those that its own default leaves out."""
    for kind in vars(predefined).values():
        if inspect.isclass(kind) and issubclass(kind, PatternRecognizer | predefined.PhoneRecognizer):
            yield _BETTER.get(kind, kind)(supported_language=language)


def _own_patterns(place: str, language: str) -> list[EntityRecognizer]:
    """The recognizers of a file in Presidio's YAML: patterns or lists of words."""
    if not place:
        return []
    registry = RecognizerRegistry([], supported_languages=[language])
    try:
        registry.add_recognizers_from_yaml(Path(place))
    except Exception as error:
        raise ConfigError(f"not recognizers of Presidio: {type(error).__name__}: {error}"[:300], file=place,
                          key="masker_patterns", fix="docs/capture.md#masking shows such a file") from None
    for each in registry.recognizers:
        each.supported_language = language
    return list(registry.recognizers)


def _wanted(choice: Masking, known: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds that are looked for; ConfigError for one that nothing finds."""
    for name in choice.entities:
        if name in BY_MODEL and not choice.models:
            raise ConfigError(f"{name} is found by a model, and none is named", key="masker_entities",
                              fix='masker_models = ["en=en_core_web_sm"], once that is installed')
        if name not in known and name not in BY_MODEL:
            close = get_close_matches(name.upper(), [*known, *BY_MODEL], n=1)
            mend = f"did you mean {close[0]!r}?" if close else f"use some of: {', '.join(sorted(known))}"
            raise ConfigError(f"nothing finds {name!r}", key="masker_entities", fix=mend)
    return choice.entities or USUAL
