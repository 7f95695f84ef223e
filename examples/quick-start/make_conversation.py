"""
Writes conversation.json, the history that quick-start.js continues, with the real llama-index-core:

    $(node tooling/interop/python-env.mjs newest) examples/quick-start/make_conversation.py
"""

import json
import re
from pathlib import Path
from textwrap import dedent

from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.storage.chat_store import SimpleChatStore


def unwrapped(text):
    """Paragraphs and list items of one line each, however they are wrapped here."""
    return re.sub(r"(?<!\n)\n(?!\n|- )", " ", dedent(text).strip())


def system(text):
    return ChatMessage(role="system", content=unwrapped(text))


def user(text):
    return ChatMessage(role="user", content=unwrapped(text))


def assistant(text):
    return ChatMessage(role="assistant", content=unwrapped(text))


def call(call_id, name, **kwargs):
    """A tool call as LlamaIndex keeps it today: in a block."""
    return ChatMessage(
        role="assistant", blocks=[ToolCallBlock(tool_call_id=call_id, tool_name=name, tool_kwargs=kwargs)]
    )


def openai_call(call_id, name, **kwargs):
    """A tool call as LlamaIndex kept it before: OpenAI's, in additional_kwargs."""
    function = {"name": name, "arguments": json.dumps(kwargs)}
    tool_calls = [{"id": call_id, "type": "function", "function": function}]
    return ChatMessage(role="assistant", content=None, additional_kwargs={"tool_calls": tool_calls})


def result(call_id, name, value):
    content = value if isinstance(value, str) else json.dumps(value)
    return ChatMessage(role="tool", content=content, additional_kwargs={"tool_call_id": call_id, "name": name})


CONVERSATION = [
    system("""
        You plan walking holidays in the Lake District for people without a car. Distances in kilometres, climbs in
        metres, honest times. Say so when a plan is not safe, and never invent a bus.
    """),
    user("""
        Hello! My friend Haruka and I have a week in June, Saturday 13 to Saturday 20, and we would like to walk in the
        Lake District. Neither of us drives. We walk a lot in town, but I was last on a real hill ten years ago and she
        has never been to England. Where do we begin?
    """),
    assistant("""
        With where you sleep, because that decides which buses you depend on. Without a car I would take two bases and
        move once:

        - Keswick for the first half: you reach it by train to Penrith and a bus. Derwentwater, Borrowdale and
        Buttermere are all within an hour.
        - Ambleside for the second half: the 555 bus takes you over from Keswick in under an hour, through Grasmere. The
        Langdale valley is next door, and for the way home Windermere station is a quarter of an hour by bus.

        June suits you: it is light until ten in the evening, so a late start costs you nothing, and the summer
        timetables are running. It can still rain on any day of it.

        Two questions before I draw up the week. How many hours do you enjoy walking, stops included? And how are you
        both with heights? Some of the famous ridges, Striding Edge on Helvellyn for one, have a real drop on either
        side.
    """),
    user("""
        Five or six hours is fine, seven once if it is worth it. I am all right with heights, Haruka is not sure about
        herself. We would rather have hostels than hotels, and we need one lazy day in the middle!
    """),
    assistant("""
        Good, then no Striding Edge: "not sure" is an answer, and there is better walking to be had for it. A first
        draft:

        - Sat 13: train to Penrith, bus to Keswick, an evening stroll to Friar's Crag.
        - Sun 14: Catbells from the Hawse End jetty, back along the shore. 9 km, 380 m up, 4 hours.
        - Mon 15: bus to Buttermere, up Haystacks. 9 km, 500 m up, 5 hours.
        - Tue 16: the lazy day, in Keswick and on the lake.
        - Wed 17: 555 to Grasmere, Easedale Tarn with a picnic, on to Ambleside. 8 km, 220 m up, 3 hours.
        - Thu 18: Langdale: Stickle Tarn and the Pikes. 8 km, 700 m up, 6 hours. Dinner in the Old Dungeon Ghyll.
        - Fri 19: the long one, the Fairfield Horseshoe from your door. 17 km, 1,000 m up, 7 hours.
        - Sat 20: bus to Windermere, train home.

        The climbs grow through the week, each day can be shortened without changing the bus home, and Friday is last so
        that you can drop it with a clear conscience if your legs say so.
    """),
    user("Why is Catbells first? I looked at photos, and the end of the ridge seems steep."),
    assistant("""
        Because it gives you the most view for the least climb, and because it tells us early how Haruka likes rock. You
        have seen the right spot: below the top there are two short steps where you will use your hands. Nothing like
        Striding Edge, but real rock, polished by a hundred years of boots, so take your time, and leave it if it is
        wet.

        If she does not enjoy the first step, turn round there: a level path, the terrace, runs along the foot of the
        ridge to the same jetty, and the two of you can still meet for an ice cream in Portinscale.
    """),
    user("""
        Haruka just wrote to me:
        「湖水地方はピーターラビットのふるさとですよね！🐰 雨の日は滑りますか？登山靴は買ったほうがいいでしょうか。楽しみすぎて眠れません 🥾⛰️☔」
        What do I answer her?
    """),
    assistant("""
        She asks whether it gets slippery in the rain, and whether to buy walking boots. You could send her this:

        「はい、ピーターラビットの作者はここで暮らしました 🐰
        濡れた岩と草はよく滑ります。底の溝が深い靴なら登山靴でなくても大丈夫。買うなら、出発までに二週間は履き慣らしてくださいね 🥾」

        In short: yes, Beatrix Potter lived here; wet rock and wet grass are slippery; any shoe with a deep tread will
        do, and new boots want two weeks of wearing in first. Her house, Hill Top, is an easy trip from Ambleside by
        ferry.
    """),
    user("What do we have to pack? We have city things, a good rain jacket each, and no idea what is overkill."),
    assistant("""
        Less than the shops say, but a few things are not for bargaining. For each of you:

        - Shoes with a deep tread that you have walked 20 km in. Trainers are all right for the shore paths only.
        - The rain jacket, and rain trousers: the wind makes wet legs colder than a wet back. Cheap ones will do.
        - A warm layer that stays in the rucksack all day, in a bag that is really waterproof. On the tops it is eight
        degrees colder than in Keswick, more in wind, and you will sit down there to eat.
        - No jeans. Anything that dries fast. Two pairs of wool socks, so that one is always dry.
        - A hat and thin gloves, also in June. Sun cream as well, for the same day.
        - A litre and a half of water, and more food than you think: flapjack, nuts, cheese.

        And once for the two of you:

        - The paper map, OS Explorer OL4 for Keswick and Buttermere, OL7 for Ambleside and Langdale, and a compass.
        - A head torch. If you never need it, it has done its job.
        - A whistle, plasters and tape for blisters, a foil bag to sit out a long wait in.
        - A power bank. A phone that looks for a signal all day in the valleys is empty by four.

        Overkill: poles (borrow a pair if a knee complains), gaiters, a stove, and anything with the word "tactical" on
        it.
    """),
    user("Is a phone with the maps saved on it not enough? I find paper maps hard to read in the wind."),
    assistant("""
        As your first map, yes, and most people do it so. As your only map, no: rain makes the screen useless, cold
        empties the battery, and it is the day with both on which you need it. So save the two sheets for use without a
        signal, switch to flight mode on the hill, and keep the paper map folded to the day's square in a clear bag.
        Agree on one habit: whenever you stop to drink, both of you point to where you are. If you ever disagree, you
        have found out in time.
    """),
    user("Which hostels would you take? And should we book now?"),
    assistant("""
        Book now: June weekends go early, and for a Saturday arrival there may be little left.

        - Keswick: the YHA stands over the river in the middle of town, five minutes from the bus stand. Ask for a room
        at the back, the river side, and you hear water and no pub.
        - Ambleside: the YHA is at Waterhead, right on Windermere, with a jetty. It is large and lively, and a quarter
        of an hour on foot from the centre; the 555 stops outside.
        - If Ambleside is full: YHA Grasmere is a quiet old house, on the same bus, twenty minutes further north.

        Take a private room with two beds if there is one. I leave the prices to their site: they change with the date,
        and a number from me would be a guess. All three have a kitchen and a drying room, which after a wet day is
        worth more than a view.
    """),
    user("""
        Booked, Keswick until Wednesday and then Ambleside. 🎉 Can you write down the Haystacks day step by step, so that
        I can print it? With times, and with the places where we could go wrong.
    """),
    assistant("""
        Haystacks from Buttermere village. 597 m high, 9 km there and back to the village, 5 hours with a lunch on top.

        - 0:00 From the bus stop down the lane past the Fish Inn to the lake. Keep the water on your left and follow the
        shore path through Burtness Wood. Flat, 2.5 km.
        - 0:45 At the head of the lake do not cross to Gatesgarth Farm. Bear right, up the broad bridleway behind a
        small wood, signed for Scarth Gap. This is the climb of the day: 330 m, stony, never steep.
        - 1:50 Scarth Gap, a saddle with a big cairn. First place to go wrong: the path straight on drops into Ennerdale
        and a very long walk home. Turn left. The path becomes rock, with easy steps for your hands, for twenty minutes.
        - 2:20 The top has two cairns and a little tarn between them. Eat here.
        - 3:00 Go on eastwards to Innominate Tarn, ten minutes, where Alfred Wainwright had his ashes scattered. Second
        place to go wrong: the ground north of the tarn looks gentle and ends in crags. In mist do not look for a short
        cut.
        - 3:15 Back over the top the way you came, and down to the lake. Take your time on the rock.
        - 5:00 Buttermere, ice cream at Syke Farm, bus.

        Turn back at Scarth Gap, whatever the hour, if you can't see the top from there or if the wind pushes you about.
        The walk round the lake instead is 7 km, flat, and lovelier than most mountains.
    """),
    user("It is Thursday, two days to go! How does Monday look for Haystacks?"),
    call("call_w1", "mountain_forecast", place="Buttermere", date="2026-06-15"),
    result(
        "call_w1",
        "mountain_forecast",
        {
            "place": "Buttermere",
            "days": [
                {"date": "2026-06-15", "sky": "showers, heavy after 13:00", "gusts_600m_kmh": 75, "cloud_base_m": 350},
                {"date": "2026-06-16", "sky": "bright, dry", "gusts_600m_kmh": 25, "cloud_base_m": 900},
            ],
        },
    ),
    assistant("""
        Monday is not a day for Haystacks: gusts of 75 km/h at its height, cloud down to 350 m, so the whole upper half
        is in it, and heavy showers from one o'clock, just when you would come down the wet rock. Tuesday is bright, dry
        and almost calm, with the cloud well above the top.

        So swap the two: Monday becomes the lazy day, Tuesday is Haystacks. Nothing else moves, since you sleep in
        Keswick both nights.
    """),
    user("Swapped. What do two people do on a wet Monday in Keswick?"),
    assistant("""
        What the town has been practising for two centuries:

        - The Pencil Museum. It sounds like a joke, takes an hour, and people come out having bought pencils. Graphite
        from Borrowdale started it all, and there is a wartime pencil with a map hidden in it.
        - Keswick Museum, for the Musical Stones: a huge xylophone made of rock. You may play it.
        - A round trip on the launch, if it runs in the wind. They have covered seats, and Derwentwater in the rain is a
        picture in greys.
        - The Alhambra, a cinema from 1914 that is still one, or the Theatre by the Lake in the evening.
        - Castlerigg Stone Circle if it clears: 2.5 km from town, uphill, best with weather around it.
    """),
    user("And how do we get to Buttermere on Tuesday morning?"),
    openai_call("call_b1", "bus_timetable", route="77A", stop="Keswick", date="2026-06-16", after="08:00"),
    result(
        "call_b1",
        "bus_timetable",
        """\
77A Keswick - Seatoller - Buttermere - Whinlatter - Keswick, Tuesday 16 June
Keswick bus station   08:35  10:35  13:05  15:35
Seatoller             09:05  11:05  13:35  16:05
Honister Slate Mine   09:12  11:12  13:42  16:12
Buttermere            09:30  11:30  14:00  16:30
Keswick bus station   10:20  12:20  14:50  17:20""",
    ),
    assistant("""
        Take the 77A at 8:35 from Keswick bus station; you are in Buttermere at 9:30. It goes over the Honister Pass, so
        sit on the right and let the other one have the window on the way back.

        You will be down by half past two or so, and the last bus from Buttermere is at 16:30, in Keswick at 17:20.
        There is none after it: if you are not back at Scarth Gap by 14:30, skip the ice cream, not the bus.
    """),
    user("""
        Haruka has tried her boots on stairs and says that her knee hurts when she goes down. Does that change Thursday?
    """),
    assistant("""
        It does. The Pikes are 700 m down again on steep pitched stone, which is the worst there is for a knee. Keep the
        best half of the day and leave out the rest:

        - Bus 516 from Ambleside to Elterwater, then on foot up the valley along the river. Flat, 5 km, 2 hours.
        - From the Sticklebarn up to Stickle Tarn and back the same way, if the knee agrees: 350 m, 2 hours. The tarn
        lies right under the cliff of Pavey Ark, and it is the finest place of the round anyway. If it does not agree,
        the garden of the Sticklebarn is there to wait in.
        - Another 1.5 km on the level to the Old Dungeon Ghyll, for dinner in the Hikers' Bar.

        Borrow poles for her. They take a good part of the load off the knee, and she should try them on Catbells first.
    """),
    user("Then Fairfield on Friday is out as well, isn't it?"),
    assistant("""
        Yes: 1,000 m down in one go, with no short cut once you are up. No loss, though. Go to Rydal instead: over
        Loughrigg Terrace to the caves, round Rydal Water, and back by the old coffin route to Ambleside. 11 km, 300 m
        up and down in small portions, 4 hours, a tea shop in the middle, and the 555 along the road if anybody has had
        enough.
    """),
    user("And if something does go wrong up there?"),
    assistant("""
        Stop, put on everything warm, eat something, and look at the map before you decide. Then, if you need help:

        - Call 999 or 112, ask for the police, and then for mountain rescue. It is free, they are volunteers, and they
        would much rather come early.
        - Say where you are (a grid reference from the map or the phone), what happened, how many you are, what you
        wear.
        - Register your phone for emergency texts now: send "register" to 999. A text gets through where a call does
        not.
        - No signal: six blasts on the whistle, a minute's pause, again. By night the same with the torch. Three in
        reply means that they have heard you; keep going until they stand before you.

        And tell the hostel each morning where you are going and when you will be back.
    """),
    user("We are both vegetarian, by the way. Will we find anything but chips?"),
    assistant("""
        Easily, these days. Keswick and Ambleside each have a vegetarian kitchen or two, and no pub does without a pie
        and a curry for you. In Grasmere queue for the gingerbread: it is what you want in your pocket on Easedale Tarn.
        Only the valley ends are thin: for Buttermere and Langdale pack your lunch.
    """),
    user("That will do us nicely, thanks! One last thing: is there a bus to Ambleside after our dinner on Thursday?"),
    # The program was stopped while the tool ran: the result of this call never came.
    call("call_b2", "bus_timetable", route="516", stop="Old Dungeon Ghyll", date="2026-06-18", after="18:00"),
]

path = Path(__file__).with_name("conversation.json")
store = SimpleChatStore()
memory = ChatMemoryBuffer.from_defaults(chat_store=store, chat_store_key="emma/lake-district")
for message in CONVERSATION:
    memory.put(message)
store.persist(str(path))
