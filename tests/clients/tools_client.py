"""Loops of tool calls against a server: LangChain's, and that of Home Assistant's llama_cpp integration, whose requests
are rebuilt here from its source (home-assistant/core, homeassistant/components/llama_cpp/entity.py).

    tools_client.py BASE_URL

The built-in model was not trained on calls: what it calls is chance, but each call must name a tool and have arguments
that its schema accepts."""
import asyncio
import json
import sys
from typing import Literal

import jsonschema
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI
from pydantic import BaseModel, Field

base, passed = sys.argv[1], 0


def check(truth, what):
    global passed
    assert truth, what
    passed += 1


# ---- LangChain -------------------------------------------------------------------------------------------------------
@tool
def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """The weather of a city now."""
    return f"31 degrees {unit} in {city}"


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Person(BaseModel):
    name: str = Field(max_length=20)
    age: int = Field(ge=0, le=150)
    tags: list[Literal["a", "b"]] = Field(max_length=3)


tools = {t.name: t for t in (get_weather, add)}
for seed in range(4):
    model = ChatOpenAI(base_url=base, api_key="none", model="built-in", max_tokens=120, temperature=1, max_retries=0, seed=seed)
    messages = [HumanMessage("Is it warm in Rome?")]
    for turn, choice in enumerate(["any", "auto", "get_weather"]):
        answer = model.bind_tools(list(tools.values()), tool_choice=choice).invoke(messages)
        check(not answer.invalid_tool_calls, answer)
        check(answer.tool_calls or choice == "auto", answer)
        messages.append(answer)
        for call in answer.tool_calls:
            result = tools[call["name"]].invoke(call["args"])  # pydantic validates the arguments
            messages.append(ToolMessage(str(result), tool_call_id=call["id"]))
        if not answer.tool_calls:
            messages.append(HumanMessage("And tomorrow?"))
    chunks = list(model.bind_tools(list(tools.values()), tool_choice="any").stream(messages))
    total = chunks[0]
    for chunk in chunks[1:]:
        total = total + chunk
    check(total.tool_calls and not total.invalid_tool_calls, total)
    check(Person.model_validate(model.with_structured_output(Person, method="json_schema", strict=True).invoke("Tom, 31")), "a person")
    check(isinstance(model.with_structured_output(None, method="json_mode").invoke("JSON please").keys(), type({}.keys())), "an object")

# ---- Home Assistant --------------------------------------------------------------------------------------------------
home = [{"name": "HassTurnOn", "description": "Turns on a device.", "parameters": {"type": "object", "properties": {
            "name": {"type": "string"}, "area": {"type": "string"}, "domain": {"type": "array", "items": {"type": "string"}}},
            "required": []}},
        {"name": "HassLightSet", "description": "Sets the brightness or color of a light.", "parameters": {"type": "object",
            "properties": {"name": {"type": "string"}, "color": {"type": "string"}, "brightness": {"type": "integer",
            "minimum": 0, "maximum": 100, "description": "percentage"}}, "required": []}},
        {"name": "GetLiveContext", "description": "The state of all devices.", "parameters": {"type": "object", "properties": {}}}]
home_tools = [{"type": "function", "function": f} for f in home]
schemas = {f["name"]: f["parameters"] for f in home}


async def stream_of(result):
    """The calls and the text of a stream, read as the integration does: tool_calls[0] of each delta, by its index."""
    text, calls, now = "", [], None
    async for chunk in result:
        if not chunk.choices:
            continue
        choice = chunk.choices[0]
        first = choice.delta.tool_calls[0] if choice.delta.tool_calls else None
        if first is None:
            text += choice.delta.content or ""
        elif now and first.index == now["index"]:
            now["arguments"] += first.function.arguments or ""
        else:
            now = {"index": first.index, "id": first.id, "name": first.function.name, "arguments": first.function.arguments or ""}
            calls.append(now)
    return text, calls


async def loop(client, streaming, seed):
    messages = [{"role": "system", "content": "You control a house."}, {"role": "user", "content": "Turn on the light."}]
    for turn in range(3):
        result = await client.chat.completions.create(
            messages=messages, model="built-in", tools=home_tools, max_tokens=150, top_p=1.0, temperature=1.0,
            user="conversation", stream=streaming, seed=seed, tool_choice="required" if turn == 0 else "auto")
        if streaming:
            text, calls = await stream_of(result)
        else:
            message = result.choices[0].message
            text, calls = message.content, [{"id": c.id, "name": c.function.name, "arguments": c.function.arguments}
                                            for c in message.tool_calls or []]
        check(turn > 0 or calls, "a call is required")
        for call in calls:
            jsonschema.validate(json.loads(call["arguments"]), schemas[call["name"]])
        check(True, calls)
        messages.append({"role": "assistant", "content": text, **({"tool_calls": [
            {"type": "function", "id": c["id"], "function": {"name": c["name"],
             "arguments": json.dumps(json.loads(c["arguments"]), separators=(",", ":"))}} for c in calls]} if calls else {})})
        messages += [{"role": "tool", "tool_call_id": c["id"], "content": json.dumps({"data": {"success": True}, "error": None})}
                     for c in calls]
        if not calls:
            break


async def assistant():
    client = AsyncOpenAI(base_url=base, api_key="none", max_retries=0)
    check([m.id async for m in client.models.list()], "models")
    for streaming in (False, True):  # the test of a new connection: three tokens with tools
        r = await client.chat.completions.create(messages=[{"role": "user", "content": "ping"}], model="built-in",
                                                 max_tokens=3, tools=home_tools, stream=streaming)
        check((await stream_of(r))[0] is not None if streaming else r.choices[0].finish_reason, "three tokens")
    for seed in range(4):
        for streaming in (False, True):
            await loop(client, streaming, seed)


asyncio.run(assistant())
print(f"{passed} passed, 0 failed")
