export {
  fromOpenAI,
  type OpenAIContentPart,
  type OpenAIMessage,
  type OpenAIMessageInput,
  type OpenAITextPart,
  type OpenAIToolCall,
  toOpenAI,
} from "./messages/openai.js";
