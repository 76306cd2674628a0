"""Recursive descent: tokens to statements. Depth is counted, so no text can exhaust the stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workbench.errors import EquationError
from workbench.models.equations.complaint import complain, nearest
from workbench.models.equations.functions import (
    ALIASES,
    ARGUMENTS,
    DOSING,
    LAST_DOSE,
    LEFT_SIDES,
    REFUSED,
)
from workbench.models.equations.syntax import (
    Assignment,
    Call,
    Choice,
    Comparison,
    Expression,
    If,
    LastDose,
    Logic,
    Name,
    Number,
    Power,
    Product,
    Statement,
    Sum,
    Target,
)
from workbench.models.equations.tokens import Token, tokenize

MAX_DEPTH = 50

TIME_NAMES = ("t", "time", "TIME")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_OPERAND = "a number, a name or '('"


def statements(text: str) -> tuple[Statement, ...]:
    """Return the statements of the text, as written.

    Raises
    ------
    EquationError
        The text is not of the language; the message shows the place.
    """
    return _Parser(text).program()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.next = 0
        self.depth = 0
        self.open: list[int] = []  # positions of '(' and '{' not closed yet

    # -- tokens ---------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def ahead(self, *texts: str) -> bool:
        """Whether the next tokens read like this."""
        rest = self.tokens[self.next : self.next + len(texts)]
        return [one.text for one in rest] == list(texts)

    def accept(self, *texts: str) -> Token | None:
        """Take the next token if it is one of these operators."""
        token = self.token
        if token.kind == "operator" and token.text in texts:
            self.next += 1
            return token
        return None

    def expect(self, text: str, why: str = "") -> Token:
        token = self.accept(text)
        if token is None:
            raise self.unexpected(f"'{text}'{why}")
        return token

    def skip_newlines(self) -> None:
        while self.accept("\n"):
            pass

    def skip_separators(self) -> None:
        while self.accept("\n", ";"):
            pass

    def unexpected(self, expected: str, hint: str = "") -> EquationError:
        token = self.token
        if token.kind == "end":
            found, sentence = "the end of the text", "The text ends"
        elif token.text == "\n":
            found, sentence = "the end of the line", "The line ends"
        else:
            found = f"'{token.text}'"
            sentence = f"Found {found}"
        if self.open:
            position = self.open[-1]
            line = self.text.count("\n", 0, position) + 1
            column = position - self.text.rfind("\n", 0, position)
            opened = self.text[position]
            hint += f" The '{opened}' of line {line}, column {column} is still open."
        return complain(
            self.text,
            token.position,
            f"{sentence} where {expected} was expected.{hint}",
            found=found,
            expected=expected,
        )

    @contextmanager
    def nested(self, position: int) -> Iterator[None]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise complain(
                self.text,
                position,
                f"Nested more than {MAX_DEPTH} deep. Give inner parts names of their own.",
            )
        yield
        self.depth -= 1

    # -- statements -----------------------------------------------------------------------------

    def program(self) -> tuple[Statement, ...]:
        found = []
        self.skip_separators()
        while self.token.kind != "end":
            found.append(self.statement())
            self.end_of_statement(found[-1])
        return tuple(found)

    def end_of_statement(self, statement: Statement) -> None:
        ends = isinstance(statement, If) or self.token.kind == "end" or self.ahead("}")
        if not ends and not self.accept("\n", ";"):
            raise self.unexpected("an operator or the end of the statement", self.juxtaposed())
        self.skip_separators()

    def juxtaposed(self) -> str:
        before, token = self.tokens[self.next - 1], self.token
        if token.text == "=":
            return " Two values are compared with '=='; one statement has one '='."
        if before.text in ARGUMENTS:
            return f" Functions have parentheses: {before.text}(...)."
        if token.kind in ("name", "number") or token.text == "(":
            return f" To multiply, write {before.text}*{token.text}."
        return ""

    def statement(self) -> Statement:
        token = self.token
        if token.kind == "name" and token.text == "if":
            return self.conditional()
        if token.kind == "name" and token.text == "else":
            raise complain(self.text, token.position, "This 'else' follows no 'if (...) {...}'.")
        target = self.target()
        if self.ahead("<", "-"):
            raise complain(self.text, self.token.position, "Write '=' instead of '<-'.", found="<-")
        self.expect("=", f" after {'the name' if target.kind == 'name' else 'the left side'}")
        return Assignment(target, self.expression())

    def target(self) -> Target:
        token = self.token
        if token.kind != "name":
            raise self.unexpected("a name, d/dt(...) or 'if'")
        if self.ahead("d", "/", "dt"):
            self.next += 3
            return self.target_of("ode")
        self.next += 1
        if not self.ahead("("):
            return Target("name", token.text, token.position)
        if self.tokens[self.next + 1].kind == "number":
            return self.initial(token)
        if token.text == "init":
            return self.target_of("initial")
        if token.text in DOSING:
            return self.target_of(DOSING[token.text])
        raise complain(
            self.text,
            token.position,
            f"{token.text!r} cannot be set for a state.{nearest(token.text, LEFT_SIDES)} "
            f"Left sides are: name, d/dt(state), state(0), "
            f"{', '.join(f'{word}(state)' for word in LEFT_SIDES)}.",
            found=token.text,
            expected="a left side",
        )

    def target_of(self, kind: str) -> Target:
        self.open.append(self.expect("(").position)
        token = self.token
        if token.kind != "name":
            raise self.unexpected("the name of a state")
        self.next += 1
        self.expect(")")
        self.open.pop()
        return Target(kind, token.text, token.position)

    def initial(self, state: Token) -> Target:
        self.expect("(")
        number = self.token
        if float(number.text) != 0.0:
            raise complain(
                self.text,
                number.position,
                f"Only the value at the start can be set: {state.text}(0) = ...",
                found=number.text,
                expected="0",
            )
        self.next += 1
        self.expect(")")
        return Target("initial", state.text, state.position)

    def conditional(self) -> If:
        start = self.token.position
        with self.nested(start):
            branches: list[tuple[Expression, tuple[Statement, ...]]] = []
            otherwise: tuple[Statement, ...] = ()
            while True:
                self.next += 1  # the word "if"
                self.open.append(self.expect("(", " after 'if'").position)
                condition = self.expression()
                if self.ahead("="):
                    raise self.unexpected("')'", " Values are compared with '=='.")
                self.expect(")")
                self.open.pop()
                branches.append((condition, self.block()))
                if not self.otherwise_follows():
                    break
                if not self.ahead("if"):
                    otherwise = self.block()
                    break
        return If(tuple(branches), otherwise, start)

    def otherwise_follows(self) -> bool:
        """Take ``else`` if it comes next, perhaps on a later line."""
        before = self.next
        self.skip_separators()
        if self.token.kind == "name" and self.token.text == "else":
            self.next += 1
            return True
        self.next = before
        return False

    def block(self) -> tuple[Statement, ...]:
        self.skip_newlines()
        self.open.append(self.expect("{", " to begin the block").position)
        self.skip_separators()
        inside = []
        while not self.accept("}"):
            if self.token.kind == "end":
                raise self.unexpected("'}'")
            inside.append(self.statement())
            self.end_of_statement(inside[-1])
        self.open.pop()
        return tuple(inside)

    # -- expressions, loosest binding first -----------------------------------------------------

    def expression(self) -> Expression:
        position = self.token.position
        operands = [self.conjunction()]
        while self.accept("||"):
            self.skip_newlines()
            operands.append(self.conjunction())
        return operands[0] if len(operands) == 1 else Logic("||", tuple(operands), position)

    def conjunction(self) -> Expression:
        position = self.token.position
        operands = [self.negation()]
        while self.accept("&&"):
            self.skip_newlines()
            operands.append(self.negation())
        return operands[0] if len(operands) == 1 else Logic("&&", tuple(operands), position)

    def negation(self) -> Expression:
        position, count = self.token.position, 0
        while self.accept("!"):
            count += 1
        inner = self.comparison()
        for _ in range(min(count, 2 - count % 2)):  # !!!a is !a, but !!a is a truth value
            inner = Logic("!", (inner,), position)
        return inner

    def comparison(self) -> Expression:
        left = self.sum()
        operator = self.accept(*_COMPARISONS)
        if operator is None:
            return left
        self.skip_newlines()
        right = self.sum()
        if self.token.kind == "operator" and self.token.text in _COMPARISONS:
            raise self.unexpected(
                "'&&', '||' or the end of the comparison", " Write a < b && b < c."
            )
        return Comparison(operator.text, left, right, operator.position)

    def sum(self) -> Expression:
        """Read terms; signs before a term are those of the whole: -a*b is -(a*b)."""
        position = self.token.position
        terms = [(self.sign(), self.product())]
        while operator := self.accept("+", "-"):
            self.skip_newlines()
            sign = 1 if operator.text == "+" else -1
            terms.append((sign * self.sign(), self.product()))
        return terms[0][1] if len(terms) == 1 and terms[0][0] > 0 else Sum(tuple(terms), position)

    def product(self) -> Expression:
        position = self.token.position
        factors = [(False, self.power())]
        while operator := self.accept("*", "/"):
            self.skip_newlines()
            factors.append((operator.text == "/", self.signed()))
        return factors[0][1] if len(factors) == 1 else Product(tuple(factors), position)

    def signed(self) -> Expression:
        position, sign = self.token.position, self.sign()
        inner = self.power()
        return inner if sign > 0 else Sum(((-1, inner),), position)

    def sign(self) -> int:
        sign = 1
        while operator := self.accept("+", "-"):
            sign = -sign if operator.text == "-" else sign
        return sign

    def power(self) -> Expression:
        base = self.operand()
        operator = self.accept("^")
        if operator is None:
            return base
        self.skip_newlines()
        with self.nested(operator.position):
            return Power(base, self.signed(), operator.position)

    def operand(self) -> Expression:
        token = self.token
        if token.kind == "number":
            self.next += 1
            return Number(float(token.text), token.position)
        if token.kind == "name" and token.text in ("if", "else"):
            raise self.unexpected(_OPERAND, " Inside an expression, use ifelse(condition, a, b).")
        if token.kind == "name":
            self.next += 1
            return self.call(token) if self.ahead("(") else self.name(token)
        if self.ahead("("):
            return self.parentheses()
        raise self.unexpected(_OPERAND)

    def name(self, token: Token) -> Name:
        return Name("t" if token.text in TIME_NAMES else token.text, token.position)

    def parentheses(self) -> Expression:
        opened = self.expect("(")
        with self.nested(opened.position):
            self.open.append(opened.position)
            inner = self.expression()
            self.expect(")")
            self.open.pop()
        return inner

    def call(self, token: Token) -> Expression:
        name = token.text
        if name in LAST_DOSE:
            return LastDose(LAST_DOSE[name], self.target_of(name).name, token.position)
        if name not in ARGUMENTS:
            raise self.unknown_function(token)
        with self.nested(token.position):
            self.open.append(self.expect("(").position)
            arguments = [] if self.ahead(")") else [self.expression()]
            while self.accept(","):
                arguments.append(self.expression())
            self.expect(")")
            self.open.pop()
        fewest, most = ARGUMENTS[name]
        if not fewest <= len(arguments) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise complain(
                self.text,
                token.position,
                f"{name}() takes {wanted} argument{'s' * (most > 1)}, not {len(arguments)}.",
                found=f"{len(arguments)} arguments",
                expected=f"{wanted} arguments",
            )
        if name == "ifelse":
            return Choice(((arguments[0], arguments[1]),), arguments[2], token.position)
        return Call(ALIASES.get(name, name), tuple(arguments), token.position)

    def unknown_function(self, token: Token) -> EquationError:
        name = token.text
        if self.ahead("(", "0", ")"):
            sentence = f"{name}(0) can be set, not read; {REFUSED['init']}."
        elif name in REFUSED:
            sentence = f"{name}() cannot be used here: {REFUSED[name]}."
        else:
            known = [*ARGUMENTS, *LAST_DOSE]
            hint = nearest(name, known) or f" To multiply, write {name}*(...)."
            sentence = f"There is no function {name!r}.{hint} Known: {', '.join(known)}."
        return complain(
            self.text, token.position, sentence, found=name, expected="the name of a function"
        )
